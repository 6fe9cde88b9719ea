package main

const title = "Work That Survives"

// kind is how a block looks.
type kind int

const (
	cover     kind = iota // the title
	by                    // the line under it
	h1                    // a chapter
	h2                    // a section
	h3                    // a part of one
	paragraph             // lines as given, ragged right
	bullet                // an item of a list, "•" before its first line
	number                // an item of a list, its number before its first line
	listing               // typewriter
	table                 // rows of cells, the first one bold; given as lines with "|" between cells
)

// block is what stands below one another on a page. Lines are broken by hand:
// the program knows no widths of letters.
type block struct {
	kind  kind
	lines []string
}

// text is the document, one element a page.
var text = [][]block{{
	{cover, []string{title}},
	{by, []string{"A sample document of three pages"}},
	{h1, []string{"1  Why a job is written down"}},
	{paragraph, []string{
		"Reading a long document takes minutes, and in minutes a lot can happen. The machine is",
		"restarted for an update, a deploy replaces the program, somebody presses Ctrl-C, the power",
		"fails. If the work exists only in memory, all of it is lost, and worse: nobody knows that it",
		"was ever asked for.",
	}},
	{paragraph, []string{
		"So the first thing that happens to a job is that it is written down. The answer “accepted” is",
		"given when the words are on the disk, and not a moment earlier. From then on the job is a",
		"fact, and whoever comes after the one who accepted it can find it, read it and go on.",
	}},
	{h2, []string{"1.1  What is recorded"}},
	{paragraph, []string{"Three things are enough to continue where another has stopped:"}},
	{bullet, []string{"what was asked for: the file, by the hash of its bytes, and the options;"}},
	{bullet, []string{
		"what was done so far: each page with everything that was read from it, and nothing that",
		"was only half read;",
	}},
	{bullet, []string{"who is at work on it now, so that two never work on the same page."}},
	{h3, []string{"A page at a time"}},
	{paragraph, []string{
		"The unit is the page. A page is small enough to be read again without regret, and large",
		"enough that writing it down costs little beside reading it. Its text and the note that it is",
		"done are one entry in the book, so that one cannot be there without the other.",
	}},
	{h3, []string{"In order"}},
	{paragraph, []string{
		"Pages are read side by side and recorded in order. The number of the last page is therefore",
		"both the progress and the place to go on: page 12 is there, so pages 1 to 11 are there as well.",
	}},
}, {
	{h1, []string{"2  The life of a job"}},
	{paragraph, []string{
		"At every moment a job is in one of five states. Which moves between them are legal is written",
		"in one table, and every change of state carries its time and its reason.",
	}},
	{table, []string{
		"Status|Meaning|Left for",
		"pending|waiting for a free worker|processing, interrupted",
		"processing|a worker reads its pages|any of the others",
		"interrupted|stopped before its end, pages kept|pending, failed",
		"completed|every page is recorded|–",
		"failed|explained, with its error|pending",
	}},
	{h2, []string{"2.1  When the program stops"}},
	{paragraph, []string{
		"A program that is asked to stop has time to be polite. It takes no new work, records the pages",
		"that are ready, marks its jobs as interrupted and leaves. A killed program has no time: the oper-",
		"ating system bears witness. Each instance holds a lock that dies with it, so that the next one",
		"need not guess and need not wait.",
	}},
	{h2, []string{"2.2  When the program starts"}},
	{paragraph, []string{"The order matters, because somebody may look while it happens:"}},
	{number, []string{"find the instances whose locks are free: they are dead;"}},
	{number, []string{"mark their jobs as interrupted, and say so in the log;"}},
	{number, []string{"put back those that may go on, at the first page that is missing;"}},
	{number, []string{
		"count the crash against a job that was at work without recording a page, since a document",
		"that kills its reader three times in a row is not tried a fourth time.",
	}},
	{paragraph, []string{
		"A job of a living instance is never touched. To be slow is no crime, and to be wrong about",
		"the living is worse than to be late about the dead.",
	}},
}, {
	{h1, []string{"3  Trying it"}},
	{paragraph, []string{
		"This document can be read from a terminal. The text comes out as Markdown, with the headings",
		"of the ladder above, the lists and the table:",
	}},
	{listing, []string{"mivaa extract examples/sample.pdf"}},
	{paragraph, []string{
		"For three pages there is hardly time to interrupt it. With a long document, kill the command",
		"in the middle and give it again: it continues at the first page that is not recorded, and the",
		"result is the same, byte for byte, as if nothing had happened.",
	}},
	{h2, []string{"3.1  What to look for"}},
	{paragraph, []string{"A reader of this page should find, and a program should too:"}},
	{bullet, []string{"a title, three chapters, five sections and two parts without a number;"}},
	{bullet, []string{"a table of six rows and three columns;"}},
	{bullet, []string{"a word divided at the end of a line, which is one word in the text;"}},
	{bullet, []string{"a number at the foot of each page and a header on two, which are no part of the text;"}},
	{bullet, []string{"signs beyond ASCII: naïve, café, Ångström, 20 °C, 3 × 4, “quoted”, 1999–2026."}},
	{h2, []string{"3.2  Where it comes from"}},
	{paragraph, []string{
		"It is made by the program beside it, which needs nothing but Go:",
	}},
	{listing, []string{"go generate ./examples/sample"}},
}}

package dashboard

import "github.com/mivaa/mivaa/jobs"

// advice says to people what a failure or an interruption means and what they
// can do, by its stable word.
var advice = map[string]string{
	"not_a_pdf":         "The file is not a PDF, whatever its name says. Submit the right file.",
	"password_required": "The PDF is encrypted. Submit it again with its password.",
	"password_wrong":    "The password that came with it does not open this PDF. Submit it again with the right one.",
	"damaged":           "The PDF is damaged beyond reading. Ask for a new copy, or print it to a new PDF with another program.",
	"too_large":         "The file is larger than this service accepts. Split it, or raise --max-upload.",
	"too_many_pages":    "It has more pages than this service accepts. Submit it in parts (Pages), or raise --max-pages.",
	"no_such_page":      "None of the pages asked for is in the document. Submit it again with other pages.",
	"page_timeout":      "Pages took too long, several in a row. Retry it when the machine has less to do, or raise --page-timeout.",
	"job_timeout":       "The whole document took longer than allowed. Retry goes on where it stopped; or raise --job-timeout.",
	"out_of_memory":     "Pages needed more memory than a reader may have. Raise --page-memory and retry.",
	"reader_crashed":    "Pages crashed their reader, several in a row. Retry it once; if it fails at the same page, the PDF is at fault.",
	"crashed":           "Its process died several times in a row while it read this document. It is kept apart: look at the service's log before you retry it.",
	"source_missing":    "The stored file is gone. Submit it again.",
	"source_changed":    "The stored file is not the one that was submitted. Submit it again, and check the disk.",
	"internal":          "Something went wrong that should not have. Retry it; if it fails again, the service's log says more.",
}

var causeAdvice = map[jobs.Cause]string{
	jobs.CauseShutdown:  "Its process was stopped in order, and its pages are kept. Resume it to go on.",
	jobs.CauseCrash:     "Its process died. What was recorded is kept. Resume it to go on.",
	jobs.CauseLeaseLost: "Its process was silent for too long: a frozen machine, or a network that broke. Resume it to go on.",
	jobs.CauseCancelled: "A person cancelled it. Nothing but a person resumes it.",
	jobs.CauseOperator:  "An operator took it from its instance. Resume it to go on.",
}

func adviceFor(code string, cause jobs.Cause) string {
	if a, ok := advice[code]; ok {
		return a
	}
	return causeAdvice[cause]
}

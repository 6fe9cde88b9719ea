package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// all copies every document with its jobs, then the jobs that are about none.
// Of each: the source file first, then the steps, then everything else in one
// transaction. A death leaves bytes and steps that nobody sees yet; the next run
// finds them there.
func (k *copier) all(ctx context.Context) error {
	for doc, err := range k.documents.Dump(ctx) {
		if err != nil {
			return err
		}
		if err := k.document(ctx, doc); err != nil {
			return err
		}
		k.show.document()
	}
	var some []postgres.Imported
	for j, err := range k.from.Export(ctx, jobs.ID{}) {
		if err != nil {
			return err
		}
		imported, err := k.job(ctx, j)
		if err != nil {
			return err
		}
		if some = append(some, imported); len(some) == jobsTogether {
			if err := k.lone(ctx, some); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	return k.lone(ctx, some)
}

// jobsTogether is how many jobs without a document one transaction inserts.
const jobsTogether = 100

func (k *copier) lone(ctx context.Context, list []postgres.Imported) error {
	if len(list) == 0 {
		return nil
	}
	done, err := k.to.Import(ctx, list...)
	if err != nil {
		return err
	}
	k.became(list, done)
	return nil
}

// document copies one document with its jobs.
func (k *copier) document(ctx context.Context, doc documents.Full) error {
	_, err := k.toDocuments.Get(ctx, doc.ID)
	there := err == nil
	if err != nil && !errors.Is(err, documents.ErrNotFound) {
		return err
	}
	if !there {
		if err := k.source(ctx, doc); err != nil {
			return err
		}
	}
	var list []postgres.Imported
	content := doc.ContentJobID // its row may be long gone
	for j, err := range k.from.Export(ctx, doc.ID) {
		if err != nil {
			return err
		}
		if j.ID == content {
			content = jobs.ID{}
		}
		imported, err := k.job(ctx, j)
		if err != nil {
			return err
		}
		list = append(list, imported)
	}
	if !content.IsZero() && !there {
		if err := k.steps(ctx, content); err != nil {
			return err
		}
	}
	done, err := k.toDocuments.Import(ctx, doc, list...)
	if err != nil {
		return err
	}
	if done.New {
		k.result.Documents++
	} else {
		k.result.Already++
	}
	if !done.Answering.IsZero() {
		k.remark(doc.ID, jobs.ID{}, fmt.Sprintf("the same file with the same options stands there as document %s, which goes on to answer when it is given again", done.Answering))
	}
	k.became(list, done.Jobs)
	return nil
}

// became counts what was inserted.
func (k *copier) became(list []postgres.Imported, done postgres.Imports) {
	k.result.Jobs += len(done.New)
	history := map[jobs.ID]int{}
	for _, j := range list {
		history[j.ID] = len(j.History)
	}
	for _, id := range done.New {
		k.result.Events += history[id]
	}
	for _, id := range done.Keyless {
		k.remark(jobs.ID{}, id, "its idempotency key is another job's there, which goes on to answer for it")
	}
}

// source copies the source file. Reading it verifies its hash, and what is
// stored is named by the hash of what was sent.
func (k *copier) source(ctx context.Context, doc documents.Full) error {
	if doc.SourceSHA256 == "" {
		return nil
	}
	file, err := k.sources.Open(ctx, doc.SourceSHA256)
	if errors.Is(err, blob.ErrMissing) || errors.Is(err, blob.ErrChanged) {
		k.problem(doc.ID, jobs.ID{}, "its source could not be copied: "+err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	ref, err := k.toSources.Put(ctx, file, 0)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if ref.SHA256 != doc.SourceSHA256 {
		return fmt.Errorf("copy source %s: it arrived as %s", doc.SourceSHA256, ref.SHA256)
	}
	k.result.Sources++
	k.result.Bytes += ref.Size
	return nil
}

// job copies the steps of a job and returns the rest of it.
func (k *copier) job(ctx context.Context, j sqlite.Exported) (postgres.Imported, error) {
	return postgres.Imported{Job: j.Job, History: j.History}, k.steps(ctx, j.ID)
}

// steps copies what the target has not: it begins behind the last one there.
func (k *copier) steps(ctx context.Context, id jobs.ID) error {
	last, err := k.toDocuments.Recorded(ctx, id)
	if err != nil {
		return err
	}
	for {
		steps, err := k.from.Steps(ctx, id, last, stepsTogether)
		if err != nil || len(steps) == 0 {
			return err
		}
		n, err := k.to.ImportSteps(ctx, id, steps...)
		if err != nil {
			return err
		}
		if n == 0 { // the job is there, and has its own
			return nil
		}
		k.result.Steps += n
		k.show.steps(n)
		last = steps[len(steps)-1].Seq
	}
}

// stepsTogether is how many steps one statement inserts; a store gives no more
// than some MiB at once.
const stepsTogether = 200

func (k *copier) remark(doc, job jobs.ID, text string) {
	k.result.Remarks = append(k.result.Remarks, jobNote{null(doc), null(job), text})
}

func (k *copier) problem(doc, job jobs.ID, text string) {
	k.result.Problems = append(k.result.Problems, jobNote{null(doc), null(job), text})
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// verify reads everything again, on both sides, and names what differs.
func (k *copier) verify(ctx context.Context) error {
	k.show.verifying()
	checked := map[string]bool{}
	for doc, err := range k.documents.Dump(ctx) {
		if err == nil {
			err = k.verifyDocument(ctx, doc, checked)
		}
		if err != nil {
			return err
		}
		k.show.document()
	}
	return k.verifyJobs(ctx, jobs.ID{}, nil)
}

func (k *copier) verifyDocument(ctx context.Context, doc documents.Full, checked map[string]bool) error {
	there, err := k.toDocuments.Get(ctx, doc.ID)
	if errors.Is(err, documents.ErrNotFound) {
		k.problem(doc.ID, jobs.ID{}, "it is not there")
		return nil
	}
	if err != nil {
		return err
	}
	if there.SourceSHA256 != doc.SourceSHA256 || there.SourceSize != doc.SourceSize {
		k.problem(doc.ID, jobs.ID{}, "its source is another one there")
	}
	if hash := doc.SourceSHA256; hash != "" && !checked[hash] {
		checked[hash] = true
		if err := k.verifySource(ctx, doc); err != nil {
			return err
		}
	}
	password, err := k.toDocuments.Password(ctx, doc.ID)
	if err != nil {
		return err
	}
	if password != doc.Password {
		k.problem(doc.ID, jobs.ID{}, "its password is another one there")
	}
	ids := map[jobs.ID]bool{}
	if err := k.verifyJobs(ctx, doc.ID, ids); err != nil {
		return err
	}
	if doc.ContentJobID.IsZero() || ids[doc.ContentJobID] {
		return nil
	}
	return k.verifySteps(ctx, doc.ID, doc.ContentJobID)
}

// verifySource reads the source file there, which verifies its hash.
func (k *copier) verifySource(ctx context.Context, doc documents.Full) error {
	file, err := k.toSources.Open(ctx, doc.SourceSHA256)
	if err == nil {
		return file.Close()
	}
	if errors.Is(err, jobs.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	for _, known := range k.result.Problems { // it could not be copied
		if known.DocumentID != nil && *known.DocumentID == doc.ID {
			return nil
		}
	}
	k.problem(doc.ID, jobs.ID{}, "its source cannot be read there: "+err.Error())
	return nil
}

// verifyJobs compares the jobs of a document, and notes their ids.
func (k *copier) verifyJobs(ctx context.Context, document jobs.ID, seen map[jobs.ID]bool) error {
	for j, err := range k.from.Export(ctx, document) {
		if err != nil {
			return err
		}
		if seen != nil {
			seen[j.ID] = true
		}
		there, err := jobs.Get(ctx, k.to, j.ID)
		if errors.Is(err, jobs.ErrNotFound) {
			k.problem(document, j.ID, "it is not there")
			continue
		}
		if err != nil {
			return err
		}
		if there.Attempt < j.Attempt || there.DocumentID != j.DocumentID || there.Kind != j.Kind || string(there.Payload) != string(j.Payload) {
			k.problem(document, j.ID, "its row is another one there: it was copied before, and went on here since")
		}
		events, err := k.to.Events(ctx, j.ID, 0, len(j.History))
		if err != nil {
			return err
		}
		if len(events) < len(j.History) {
			k.problem(document, j.ID, fmt.Sprintf("%d of %d events of its history are there", len(events), len(j.History)))
		}
		if err := k.verifySteps(ctx, document, j.ID); err != nil {
			return err
		}
	}
	return nil
}

// verifySteps compares the steps of a job. There may be more of them there by
// now: it goes on.
func (k *copier) verifySteps(ctx context.Context, document, job jobs.ID) error {
	here, n, err := stepsHash(ctx, k.from, job, 0)
	if err != nil || n == 0 {
		return err
	}
	there, m, err := stepsHash(ctx, k.to, job, n)
	if err != nil {
		return err
	}
	k.show.steps(n)
	switch {
	case m < n:
		k.problem(document, job, fmt.Sprintf("%d of %d steps are there", m, n))
	case here != there:
		k.problem(document, job, "its steps are not the same there")
	}
	return nil
}

// stepsHash is the hash over the steps of a job, with their numbers; at most
// that many, 0: all.
func stepsHash(ctx context.Context, s jobs.Store, id jobs.ID, most int) (sum [sha256.Size]byte, n int, err error) {
	h := sha256.New()
	var head [16]byte
	for last := 0; ; {
		ask := stepsTogether
		if most > 0 {
			if ask = min(ask, most-n); ask == 0 {
				break
			}
		}
		steps, err := s.Steps(ctx, id, last, ask)
		if err != nil {
			return sum, n, err
		}
		if len(steps) == 0 {
			break
		}
		for _, step := range steps {
			binary.BigEndian.PutUint64(head[:8], uint64(step.Seq)) //nolint:gosec // counts from 1
			binary.BigEndian.PutUint64(head[8:], uint64(len(step.Data)))
			h.Write(head[:])
			h.Write(step.Data)
			last = step.Seq
			n++
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), n, nil
}

package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/webhook"
)

const envWebhookSecret = "MIVAA_WEBHOOK_SECRET"

// webhookSettings say whether and where submitters are told how their jobs end.
type webhookSettings struct {
	file    setting
	private bool

	keys   *webhook.Keys // nil: nobody is told
	shared bool          // others can read the file
}

func (s *webhookSettings) register(f *pflag.FlagSet) {
	f.Var(&s.file, "webhook-secret-file", "file with the secret that signs webhooks, as whsec_...; two of them, each on a line: both sign. Or set MIVAA_WEBHOOK_SECRET. Default: no webhooks")
	f.BoolVar(&s.private, "webhook-allow-private", false, "webhooks may go to loopback and private networks, there also by http")
}

// resolve reads the secret, or says what is wrong: never the secret itself.
func (s *webhookSettings) resolve(lookup func(string) (string, bool)) error {
	text, set := lookup(envWebhookSecret)
	from := envWebhookSecret
	switch {
	case set && s.file.text != "":
		return fmt.Errorf("give the webhook secret by --webhook-secret-file or by %s, not by both", envWebhookSecret)
	case s.file.text != "":
		if from = "--webhook-secret-file"; s.file.env {
			from = envWebhookSecret + "_FILE"
		}
		data, mode, err := readSmall(s.file.text)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		text, s.shared = string(data), tooOpen(mode&0o007)
		from += ": " + s.file.text
	case s.file.given:
		return fmt.Errorf("--webhook-secret-file: the name of a file is missing")
	case !set:
		return nil
	}
	keys, err := webhook.ParseKeys(text)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	s.keys = &keys
	return nil
}

func (s *webhookSettings) targets() webhook.Targets { return webhook.Targets{Private: s.private} }

// callbacks are the addresses that uploads may give; nil: none.
func (s *webhookSettings) callbacks() *webhook.Targets {
	if s.keys == nil {
		return nil
	}
	t := s.targets()
	return &t
}

// sender returns what sends webhooks until its context ends, or nil. Every
// process of the service has one: whichever comes first sends what is due.
func (s *webhookSettings) sender(d *data, m *api.Metrics, log *slog.Logger) func(context.Context) {
	if s.keys == nil {
		return nil
	}
	sender := &webhook.Sender{
		Store: d.documents, Keys: *s.keys, Targets: s.targets(), Watch: d.jobs.Watch, Version: version(), Logger: log, Sent: m.WebhookSent,
	}
	return sender.Run
}

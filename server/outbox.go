package server

import (
	"fmt"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/internal/apperr"
	"aliaport/internal/feed/mail"
	"aliaport/internal/feed/webhook"
	"aliaport/internal/notification"
)

// newOutbox makes what delivers notifications, by the ways that are configured.
func (s *Server) newOutbox() (*notification.Outbox, error) {
	c := s.config
	o := &notification.Outbox{
		DB: s.db, Now: s.now, Log: s.log, MailKinds: c.MailKinds, Lang: apperr.Lang(c.MailLanguage),
		Reset: func(r *ent.PasswordReset, lang apperr.Lang) (subject, body string) { return s.users.ResetMail(r, lang) },
		Sent: func(channel notificationdelivery.Channel, result string) {
			s.metrics.deliveries.WithLabelValues(string(channel), result).Inc()
		},
	}
	for _, name := range c.MailKinds {
		if !notification.IsKind(name) {
			return nil, fmt.Errorf("kinds of e-mails: there is no kind of notification %q", name)
		}
	}
	if c.SMTPURL != "" {
		sender, err := mail.New(mail.Options{URL: c.SMTPURL.Reveal(), From: c.MailFrom, Timeout: c.DeliveryTimeout, Now: s.now})
		if err != nil {
			return nil, fmt.Errorf("mail server: %w", err)
		}
		o.Mail = sender
	}
	if c.WebhookURL != "" {
		sender, err := webhook.New(webhook.Options{URL: c.WebhookURL.Reveal(), Secret: c.WebhookSecret.Reveal(), Timeout: c.DeliveryTimeout, Now: s.now})
		if err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
		o.Webhook = sender
	}
	return o, nil
}

// Outbox delivers notifications. A running server sees to it itself.
func (s *Server) Outbox() *notification.Outbox { return s.outbox }

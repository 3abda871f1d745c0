package notification_test

import (
	"testing"
	"time"

	"aliaport/internal/feed/mail"
	"aliaport/internal/notification"
)

func realMail(t testing.TB, url string) notification.Sender {
	t.Helper()
	s, err := mail.New(mail.Options{URL: url, From: "Aliaport <no-reply@aliaport.example>", Timeout: 10 * time.Second, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

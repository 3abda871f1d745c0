package mail_test

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"aliaport/internal/aliatest"
	"aliaport/internal/feed/mail"
	"aliaport/internal/notification"
)

var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func sender(t *testing.T, url string) *mail.Sender {
	t.Helper()
	s, err := mail.New(mail.Options{URL: url, From: "Alia Liman İşletmesi <no-reply@aliaport.example>", Timeout: 5 * time.Second, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(i int) *notification.Message {
	return &notification.Message{
		ID: fmt.Sprintf("id-%d", i), To: fmt.Sprintf("deniz%d@aliaport.example", i), Name: "Deniz Çağlayan Şık",
		Subject: "Onay bekleyen iş emri: WO-2026-00001 – ğüşiöç İIıi", Body: "Şube Müdürü, Özgür Gemicilik için bir iş emrini onaya gönderdi.\n.\nSon satır: ğĞıİ\n",
	}
}

func TestLettersArriveAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	server := aliatest.NewMailServer(t)
	batch := []*notification.Message{message(0), message(1), message(2)}
	sender(t, server.URL).Send(t.Context(), batch)
	letters := server.Letters()
	if len(letters) != len(batch) {
		t.Fatalf("%d letters arrived: %v", len(letters), batch[0].Err)
	}
	for i, l := range letters {
		m := batch[i]
		if m.Err != nil {
			t.Errorf("letter %d: %v", i, m.Err)
		}
		if l.To != m.To || l.Subject != m.Subject || l.Text != m.Body {
			t.Errorf("letter %d arrived as %q %q %q", i, l.To, l.Subject, l.Text)
		}
		to, err := netmail.ParseAddress(l.Header.Get("To"))
		if err != nil || to.Name != m.Name || to.Address != m.To {
			t.Errorf("letter %d is to %q: %v", i, l.Header.Get("To"), err)
		}
		from, err := netmail.ParseAddress(l.Header.Get("From"))
		if err != nil || from.Name != "Alia Liman İşletmesi" {
			t.Errorf("letter %d is from %q: %v", i, l.Header.Get("From"), err)
		}
		if id := l.Header.Get("Message-Id"); id != "<"+m.ID+"@aliaport.example>" || l.Header.Get("X-Aliaport-Delivery") != m.ID {
			t.Errorf("letter %d has the id %q", i, id)
		}
		if at, err := l.Header.Date(); err != nil || !at.Equal(noon) || l.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("letter %d: %v %v %v", i, at, err, l.Header)
		}
	}
}

func TestOneRefusalDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	server := aliatest.NewMailServer(t)
	server.Answer(func(to string) error {
		switch {
		case strings.HasPrefix(to, "deniz1@"):
			return &smtp.SMTPError{Code: 550, Message: "no such mailbox"}
		case strings.HasPrefix(to, "deniz2@"):
			return &smtp.SMTPError{Code: 451, Message: "try later"}
		}
		return nil
	})
	batch := []*notification.Message{message(0), message(1), message(2), message(3)}
	bad := message(4)
	bad.To = "no address"
	batch = append(batch, bad)
	sender(t, server.URL).Send(t.Context(), batch)
	if n := len(server.Letters()); n != 2 || batch[0].Err != nil || batch[3].Err != nil {
		t.Errorf("%d letters arrived: %v %v", n, batch[0].Err, batch[3].Err)
	}
	for _, i := range []int{1, 4} {
		if _, refused := errors.AsType[*notification.RefusedError](batch[i].Err); !refused {
			t.Errorf("letter %d: %v is no refusal", i, batch[i].Err)
		}
	}
	_, refused := errors.AsType[*notification.RefusedError](batch[2].Err)
	_, away := errors.AsType[*notification.UnreachableError](batch[2].Err)
	if batch[2].Err == nil || refused || away {
		t.Errorf("letter 2: %v is not for later", batch[2].Err)
	}
}

func TestNobodyThereIsNoTry(t *testing.T) {
	t.Parallel()
	server := aliatest.NewMailServer(t)
	wrong := strings.Replace(server.URL, "Gizli-35", "falsch", 1)
	for name, url := range map[string]string{"nobody listens": "smtp+plain://127.0.0.1:1", "wrong password": wrong, "no encryption offered": strings.Replace(server.URL, "+plain", "", 1)} {
		m := message(0)
		sender(t, url).Send(t.Context(), []*notification.Message{m})
		if _, away := errors.AsType[*notification.UnreachableError](m.Err); !away {
			t.Errorf("%s: %v", name, m.Err)
		}
	}
	if n := len(server.Letters()); n != 0 {
		t.Errorf("%d letters went out", n)
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"smtps://a:b@mail.port.example": true, "smtp://mail.port.example:2525": true, "smtp+plain://127.0.0.1": true,
		"http://mail.port.example": false, "mail.port.example": false, "smtp://": false, "smtp://host/folder": false, "smtp://host:port": false,
	} {
		if _, err := mail.New(mail.Options{URL: url, From: "a@b.example", Timeout: time.Second}); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
}

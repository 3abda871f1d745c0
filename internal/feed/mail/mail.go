// Package mail sends e-mails over SMTP.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"aliaport/internal/notification"
)

// Options say how e-mails leave.
type Options struct {
	// URL names the server: smtps://user:password@host:465 speaks TLS at once,
	// smtp://user:password@host:587 insists on STARTTLS, smtp+plain://host:25 is for a
	// relay on the same machine or network and is not encrypted.
	URL     string
	From    string // Aliaport <no-reply@port.example>
	Timeout time.Duration
	Now     func() time.Time
	// TLS, unless nil, is how servers are judged.
	TLS *tls.Config
}

// Sender sends by one server. A batch is sent over one connection.
type Sender struct {
	host    string
	options []mail.Option
	from    netmail.Address
	now     func() time.Time
}

var errURL = errors.New("want smtps://user:password@host:465, smtp://user:password@host:587 or smtp+plain://host:25")

// New makes a sender. It opens no connection. Its errors do not show the URL, which has
// a password.
func New(o Options) (*Sender, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errURL
	}
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", o.From, err)
	}
	s := &Sender{host: u.Hostname(), from: *from, now: o.Now, options: []mail.Option{mail.WithTimeout(o.Timeout)}}
	port, auth := 0, mail.SMTPAuthAutoDiscover
	switch u.Scheme {
	case "smtps":
		port = 465
		s.options = append(s.options, mail.WithSSL())
	case "smtp":
		port = 587
		s.options = append(s.options, mail.WithTLSPolicy(mail.TLSMandatory))
	case "smtp+plain":
		port, auth = 25, mail.SMTPAuthPlainNoEnc // the operator said so
		s.options = append(s.options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, errURL
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, errURL
		}
	}
	s.options = append(s.options, mail.WithPort(port))
	if o.TLS != nil {
		s.options = append(s.options, mail.WithTLSConfig(o.TLS))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.options = append(s.options, mail.WithSMTPAuth(auth), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	_, err = mail.NewClient(s.host, s.options...)
	return s, err
}

// Send sends the messages and notes with each how it went.
func (s *Sender) Send(ctx context.Context, batch []*notification.Message) {
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil { // New has tried it
		note(batch, err)
		return
	}
	var letters []*mail.Msg
	var sent []*notification.Message
	for _, m := range batch {
		letter, err := s.write(m)
		if err != nil {
			m.Err = &notification.RefusedError{Err: err}
			continue
		}
		letters, sent = append(letters, letter), append(sent, m)
	}
	if len(letters) == 0 {
		return
	}
	err = client.DialAndSendWithContext(ctx, letters...)
	for i, letter := range letters {
		if letter.IsDelivered() {
			continue // whatever became of the connection afterwards
		}
		sent[i].Err = judge(letter, err)
	}
}

// judge tells an answer of the server from none.
func judge(letter *mail.Msg, whole error) error {
	const mailboxFault = 500
	if fault, ok := errors.AsType[*mail.SendError](letter.SendError()); ok && fault != nil && fault.ErrorCode() > 0 {
		if fault.ErrorCode() >= mailboxFault {
			return &notification.RefusedError{Err: fault}
		}
		return fault
	}
	if whole == nil {
		whole = letter.SendError()
	}
	return &notification.UnreachableError{Err: whole}
}

func note(batch []*notification.Message, err error) {
	for _, m := range batch {
		m.Err = err
	}
}

// write makes the letter. Its Message-ID is that of the message, so that a receiver can
// tell a repetition.
func (s *Sender) write(m *notification.Message) (*mail.Msg, error) {
	letter := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	if err := letter.FromFormat(s.from.Name, s.from.Address); err != nil {
		return nil, err
	}
	if err := letter.AddToFormat(m.Name, m.To); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	letter.SetMessageIDWithValue(m.ID + "@" + domain)
	letter.SetDateWithValue(s.now())
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Aliaport-Delivery", m.ID)
	letter.Subject(m.Subject)
	letter.SetBodyString(mail.TypeTextPlain, m.Body)
	return letter, nil
}

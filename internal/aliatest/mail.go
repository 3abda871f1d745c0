package aliatest

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// MailServer is a real SMTP server on a loopback port.
type MailServer struct {
	URL string // of its unencrypted port, with a user

	server  *smtp.Server
	mu      sync.Mutex // protects all fields below
	letters []Letter
	answer  func(to string) error
}

// Letter is an e-mail that has arrived, as its reader sees it.
type Letter struct {
	To, Subject, Text string
	Header            mail.Header
	Encrypted         bool
}

// NewMailServer starts a server that takes every letter.
func NewMailServer(t testing.TB) *MailServer {
	t.Helper()
	return newMailServer(t, nil, false)
}

// NewMailServerTLS starts one that takes none in the clear: it speaks TLS from the
// beginning (SMTPS), or asks for STARTTLS before anybody signs in.
func NewMailServerTLS(t testing.TB, c *tls.Config, fromTheBeginning bool) *MailServer {
	t.Helper()
	return newMailServer(t, c, fromTheBeginning)
}

func newMailServer(t testing.TB, c *tls.Config, fromTheBeginning bool) *MailServer {
	t.Helper()
	m := &MailServer{}
	m.server = smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return &mailSession{of: m, conn: conn}, nil }))
	m.server.Domain, m.server.AllowInsecureAuth, m.server.TLSConfig = "localhost", c == nil, c
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	m.server.ErrorLog = log.New(io.Discard, "", 0)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if fromTheBeginning {
		l = tls.NewListener(l, c)
	}
	m.URL = "smtp+plain://port:Gizli-35@" + l.Addr().String()
	go func() { _ = m.server.Serve(l) }()
	t.Cleanup(m.Close)
	return m
}

// Close ends the server.
func (m *MailServer) Close() { _ = m.server.Close() }

// Answer decides about recipients from now on; nil: all are welcome.
func (m *MailServer) Answer(f func(to string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = f
}

// Letters are those that have arrived.
func (m *MailServer) Letters() []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Letter{}, m.letters...)
}

// mailSession is one connection.
type mailSession struct {
	of   *MailServer
	conn *smtp.Conn
	to   string
}

func (*mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (*mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "port" || password != "Gizli-35" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.of.mu.Lock()
	answer := s.of.answer
	s.of.mu.Unlock()
	s.to = to
	if answer != nil {
		return answer(to)
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	letter, err := readLetter(s.to, r)
	if err != nil {
		return err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	_, letter.Encrypted = s.conn.TLSConnectionState()
	s.of.letters = append(s.of.letters, letter)
	return nil
}

func (*mailSession) Reset() {}

func (*mailSession) Logout() error { return nil }

func readLetter(to string, r io.Reader) (letter Letter, err error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return letter, err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return letter, err
	}
	body := m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return letter, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	return Letter{To: to, Subject: subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n"), Header: m.Header}, err
}

package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/feed/mail"
	"aliaport/internal/notification"
)

// certificate is one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestLettersLeaveEncrypted by both ways, to a server whose certificate is trusted, and
// not at all to another.
func TestLettersLeaveEncrypted(t *testing.T) {
	t.Parallel()
	cert, trusted := certificate(t)
	_, others := certificate(t)
	for scheme, server := range map[string]*aliatest.MailServer{
		"smtp":  aliatest.NewMailServerTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, false),
		"smtps": aliatest.NewMailServerTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, true),
	} {
		for name, c := range map[string]struct {
			roots   *x509.CertPool
			arrives bool
		}{"trusted": {trusted, true}, "of somebody else": {others, false}} {
			s, err := mail.New(mail.Options{
				URL: strings.Replace(server.URL, "smtp+plain", scheme, 1), From: "no-reply@aliaport.example", Timeout: 5 * time.Second,
				Now: func() time.Time { return noon }, TLS: &tls.Config{RootCAs: c.roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12},
			})
			if err != nil {
				t.Fatal(err)
			}
			before, m := len(server.Letters()), message(0)
			s.Send(t.Context(), []*notification.Message{m})
			arrived := len(server.Letters()) - before
			if _, away := errors.AsType[*notification.UnreachableError](m.Err); c.arrives && (m.Err != nil || arrived != 1) || !c.arrives && (!away || arrived != 0) {
				t.Errorf("%s, %s: %d letters arrived, error %v", scheme, name, arrived, m.Err)
			}
		}
		for _, l := range server.Letters() {
			if !l.Encrypted {
				t.Errorf("%s: a letter arrived in the clear", scheme)
			}
		}
	}
}

package redislink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// says gives a value that may change.
func says(v *atomic.Value) func() (string, error) {
	return func() (string, error) { return v.Load().(string), nil }
}

func TestAPasswordIsReadAtEachConnecting(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("gateway", "second-password")
	var password, user atomic.Value
	user.Store("gateway")
	password.Store("first-password")
	l := newLink(t, Options{Address: "redis://" + m.Addr(), User: says(&user), Password: says(&password)})
	l.Start()
	if s := l.turns(t, false); !strings.Contains(s.Reason, "WRONGPASS") {
		t.Errorf("the reason is %q", s.Reason)
	}
	password.Store("second-password")
	l.turns(t, true)
	if _, err := l.ask(t.Context(), 0, "x"); err != nil {
		t.Error(err)
	}
}

func TestAPasswordWithoutAUserIsTheDefaultUsers(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("the-password")
	var password atomic.Value
	password.Store("the-password")
	startLink(t, Options{Address: "redis://" + m.Addr(), Password: says(&password)})
}

func TestAPasswordThatCannotBeReadIsAReasonToBeAway(t *testing.T) {
	m := miniredis.RunT(t)
	l := newLink(t, Options{Address: "redis://" + m.Addr(), Password: func() (string, error) {
		return "", errors.New("nobody has the secret redis")
	}})
	l.Start()
	if s := l.turns(t, false); !strings.Contains(s.Reason, "reading the password for redis: nobody has the secret redis") {
		t.Errorf("the reason is %q", s.Reason)
	}
}

func TestNothingThatIsToldHoldsASecret(t *testing.T) {
	f := newFake(t)
	f.behave(always("HELLO", "-WRONGPASS gate-keeper with hunter\x012 is\x07 wrong"+strings.Repeat("!", 500)+"\r\n"))
	var user, password atomic.Value
	user.Store("gate-keeper")
	password.Store("hunter\x012")
	l := newLink(t, Options{Address: f.address(), User: says(&user), Password: says(&password)})
	l.Start()
	s := l.turns(t, false)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "gate") || strings.Contains(string(text), "hunter") {
		t.Errorf("a secret is told: %s", text)
	}
	if !strings.Contains(s.Reason, "WRONGPASS *** with *** is  wrong") || len(s.Reason) > maxReason+10 {
		t.Errorf("the reason is %q", s.Reason)
	}
}

func TestRememberedSecretsAreBounded(t *testing.T) {
	l := newLink(t, Options{Address: "redis://h"})
	for i := range 100 {
		l.remember(fmt.Sprint("secret", i), "secret0", "")
	}
	if len(l.secrets) != maxSecrets {
		t.Errorf("%d secrets are remembered, want %d", len(l.secrets), maxSecrets)
	}
	if got := masked("secret99", l.secrets); got != "***" {
		t.Errorf("the latest secret is shown: %q", got)
	}
}

func TestConnectionsAreEncryptedAndBothSidesTested(t *testing.T) {
	ca, certificate, key, pair := certificates(t)
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(pem)
	m := miniredis.NewMiniRedis()
	if err := m.StartTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	address := "rediss://" + m.Addr()

	stranger := newLink(t, Options{Address: address})
	stranger.Start()
	eventually(t, "a certificate to be refused that nobody vouches for", func() bool {
		return strings.Contains(stranger.Status().Reason, "certificate")
	})
	l := newLink(t, Options{Address: address, CA: ca, Certificate: certificate, Key: key})
	l.Listen("a", func(string) {}, nil)
	l.Start()
	l.turns(t, true)
	if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
		t.Errorf("a script over TLS = %q, %v", got, err)
	}
}

// certificates are the files of one certificate for 127.0.0.1 that vouches for
// itself.
func certificates(t *testing.T) (ca, certificate, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	public, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: public},
		key:         {Type: "EC PRIVATE KEY", Bytes: bytes},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.LoadX509KeyPair(certificate, key); err != nil {
		t.Fatal(err)
	}
	return certificate, certificate, key, pair
}

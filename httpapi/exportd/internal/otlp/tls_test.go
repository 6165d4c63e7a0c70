package otlp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := new(authority)
	var der []byte
	der, a.key = a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign makes a certificate and its key; that of the authority signs itself.
func (a *authority) sign(t *testing.T, c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if a.certificate != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// file writes the authority's certificate.
func (a *authority) file(t *testing.T, dir string) string {
	t.Helper()
	return writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", a.certificate.Raw)
}

// client writes the files of a client.
func (a *authority) client(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	der, private := a.sign(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, filepath.Join(dir, "client.pem"), "CERTIFICATE", der), writePEM(t, filepath.Join(dir, "client.key"), "PRIVATE KEY", raw)
}

// server starts a collector that wants certificates of this authority.
func (a *authority) server(t *testing.T, got *recorder) *httptest.Server {
	t.Helper()
	der, key := a.sign(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	server := httptest.NewUnstartedServer(got)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A collector that wants a client's certificate, and has one of an authority of its own.
func TestTLS(t *testing.T) {
	t.Parallel()
	const p = "OTEL_EXPORTER_OTLP_"
	ours, others := newAuthority(t), newAuthority(t)
	dir, odd := t.TempDir(), t.TempDir()
	root, otherRoot := ours.file(t, dir), others.file(t, odd)
	certificate, key := ours.client(t, dir)
	otherCertificate, otherKey := others.client(t, odd)
	for name, c := range map[string]struct {
		environment map[string]string
		want        string // of the error; none if it is empty. HTTP/2 does not always tell why a server hangs up
	}{
		"right": {map[string]string{p + "CERTIFICATE": root, p + "CLIENT_CERTIFICATE": certificate, p + "CLIENT_KEY": key}, ""},
		"traces win": {map[string]string{
			p + "CERTIFICATE": otherRoot, p + "CLIENT_CERTIFICATE": otherCertificate, p + "CLIENT_KEY": otherKey,
			p + "TRACES_CERTIFICATE": root, p + "TRACES_CLIENT_CERTIFICATE": certificate, p + "TRACES_CLIENT_KEY": key,
		}, ""},
		"no authority":      {map[string]string{p + "CLIENT_CERTIFICATE": certificate, p + "CLIENT_KEY": key}, "unknown authority"},
		"other authority":   {map[string]string{p + "CERTIFICATE": otherRoot, p + "CLIENT_CERTIFICATE": certificate, p + "CLIENT_KEY": key}, "unknown authority"},
		"no certificate":    {map[string]string{p + "CERTIFICATE": root}, "otlp: "},
		"other certificate": {map[string]string{p + "CERTIFICATE": root, p + "CLIENT_CERTIFICATE": otherCertificate, p + "CLIENT_KEY": otherKey}, "otlp: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &recorder{t: t}
			server := ours.server(t, got)
			client, _ := newClient(t, server.URL+"/v1/traces", c.environment)
			client.Hurry() // tries once
			err := client.UploadTraces(t.Context(), one())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if n := len(got.requests()); n == 1 != (c.want == "") {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

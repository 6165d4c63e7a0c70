package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// certificates returns what the variables for TLS say, or nil if there are none.
func (e environment) certificates() (*tls.Config, error) {
	var roots, certificate, key variable
	e.each("CERTIFICATE", roots.set)
	e.each("CLIENT_CERTIFICATE", certificate.set)
	e.each("CLIENT_KEY", key.set)
	if roots.value == "" && certificate.value == "" && key.value == "" {
		return nil, nil
	}
	var config tls.Config // the least version of its default
	var errs []error
	if roots.value != "" {
		pem, err := os.ReadFile(roots.value)
		config.RootCAs = x509.NewCertPool()
		if err == nil && !config.RootCAs.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("no certificate in PEM is in %s", roots.value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", roots.name, err))
		}
	}
	if certificate.value != "" && key.value != "" {
		pair, err := tls.LoadX509KeyPair(certificate.value, key.value)
		config.Certificates = []tls.Certificate{pair}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s and %s: %w", certificate.name, key.name, err))
		}
	} else if certificate.value != "" || key.value != "" {
		errs = append(errs, fmt.Errorf("%sCLIENT_CERTIFICATE and CLIENT_KEY need each other", prefix))
	}
	return &config, errors.Join(errs...)
}

// variable is one of the environment, the last one that was set.
type variable struct{ name, value string }

func (v *variable) set(name, value string) { *v = variable{name, value} }

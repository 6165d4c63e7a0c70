package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FieldError is one thing that is wrong with a [Config]. [New] joins them.
type FieldError struct {
	Field string // such as "BasePath" or "Info.Title"
	Err   error
}

// Error implements error.
func (e *FieldError) Error() string { return "httpapi: Config." + e.Field + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// problems collects what is wrong with a configuration.
type problems []error

// add notes a problem of a field if it is there.
func (p *problems) add(wrong bool, field, format string, args ...any) {
	if wrong {
		*p = append(*p, &FieldError{field, fmt.Errorf(format, args...)})
	}
}

func (c Config) validate() error {
	var p problems
	p.add(c.Service == nil, "Service", "is nil")
	p.add(c.Keys == nil && c.Bearer == nil && c.Sessions == nil && c.Authenticate == nil, "Keys, Bearer, Sessions and Authenticate", "are nil")
	p.add(c.SessionTTL < time.Minute, "SessionTTL", "is %v, want a minute or more", c.SessionTTL)
	p.add(c.Limits.PerMinute < 0 || c.Limits.PerDay < 0, "Limits", "are negative")
	p.add(c.AddressLimits.PerMinute < 0 || c.AddressLimits.PerDay < 0, "AddressLimits", "are negative")
	for _, origin := range c.TrustedOrigins {
		err := CheckOrigin(origin)
		p.add(err != nil, "TrustedOrigins", "%w", err)
	}
	p.add(!validDownloadsPath(c.DownloadsPath, c.BasePath), "DownloadsPath", "is %q, want a path such as /downloads/", c.DownloadsPath)
	c.validateName(&p)
	p.add(c.ReadyTimeout < 0, "ReadyTimeout", "is negative")
	for i, check := range c.Ready {
		p.add(check.Name == "" || check.Run == nil, fmt.Sprintf("Ready[%d]", i), "lacks its name or function")
	}
	return errors.Join(p...)
}

// validateName notes what is wrong with what the API is called.
func (c Config) validateName(p *problems) {
	p.add(c.Info.own() && c.Info.Title == "", "Info.Title", "is empty: it is required beside other texts")
	p.add(!plainText(c.Info.Title, ""), "Info.Title", "is %q, want text without control characters", c.Info.Title)
	p.add(!plainText(c.Info.Version, ""), "Info.Version", "is %q, want text without control characters", c.Info.Version)
	p.add(!plainText(c.Info.Description, "\n\t"), "Info.Description", "has control characters other than line ends and tabs")
	p.add(c.Info.Terms != "" && !validURL(c.Info.Terms), "Info.Terms", "is %q, want an address such as https://example.com/terms", c.Info.Terms)
	p.add(c.Info.Documentation != "" && !validURL(c.Info.Documentation), "Info.Documentation",
		"is %q, want an address such as https://docs.example.com", c.Info.Documentation)
	p.add(!validURL(c.PublicURL) && (c.PublicURL != "" || !c.Info.own()), "PublicURL", "is %q, want an address such as https://example.com", c.PublicURL)
	p.add(!validBasePath(c.BasePath, c.DownloadsPath), "BasePath", "is %q, want a path such as /api/v1/exports where nothing else is", c.BasePath)
	p.add(!validURL(c.ErrorBase) || !strings.ContainsAny(c.ErrorBase[len(c.ErrorBase)-1:], "/#="), "ErrorBase",
		"is %q, want an address such as https://example.com/errors/", c.ErrorBase)
	for _, err := range flatten(c.KeyPrefixes.Check()) {
		p.add(true, "KeyPrefixes", "%w", err)
	}
}

// plainText reports whether text has no control characters but those that are allowed.
func plainText(text, allowed string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune(allowed, r)
	})
}

// validURL reports whether text is an absolute URL of the web.
func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && !strings.ContainsAny(text, " \"<>\\^`{|}")
}

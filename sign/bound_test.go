package sign_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/sign"
)

// boundWorld is one whose links are bound. Its members and keys say who may download.
func boundWorld(t *testing.T) (*world, *accesstest.MemKeys, *accesstest.MemMembers) {
	t.Helper()
	keys, members := new(accesstest.MemKeys), new(accesstest.MemMembers)
	w := newWorld(t, func(c *sign.Config) {
		now := c.Now
		c.Bound = true
		c.MayDownload = func(ctx context.Context, p access.Principal, organizationID string) (bool, error) {
			return access.MayStillExport(ctx, p, organizationID, keys, members, now())
		}
	})
	return w, keys, members
}

// uriFor is a link for a principal, as it stands in a request.
func (w *world) uriFor(t *testing.T, p access.Principal) string {
	t.Helper()
	l, err := w.handler.(*sign.Links).Sign(access.WithPrincipal(t.Context(), p), objectKey, filename, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(l.URL, "http://example.com")
}

// TestBoundLinks: a link that was made for somebody ends with their rights, and nobody sees
// in it whom it is for.
func TestBoundLinks(t *testing.T) {
	member := func(t *testing.T, members *accesstest.MemMembers, role access.Role) {
		t.Helper()
		if err := members.PutMember(t.Context(), access.Member{OrganizationID: organization, Subject: "ann@example.com", Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	business := access.Key{ID: jobID, Kind: access.Business, Hash: access.Hash("1"), OrganizationID: organization, Role: access.Manager, CreatedAt: start, ExpiresAt: start.Add(time.Minute)}
	user := access.Key{ID: jobID, Kind: access.User, Hash: access.Hash("1"), UserID: "ann@example.com", CreatedAt: start}
	remove := func(t *testing.T, _ *world, _ *accesstest.MemKeys, members *accesstest.MemMembers) {
		if err := members.RemoveMember(t.Context(), organization, "ann@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	revoke := func(t *testing.T, w *world, keys *accesstest.MemKeys, _ *accesstest.MemMembers) {
		if err := keys.RevokeKey(t.Context(), jobID, w.now); err != nil {
			t.Fatal(err)
		}
	}
	session := access.Session{ID: jobID, Subject: "ann@example.com"}.Principal()
	for _, c := range []struct {
		name   string
		key    *access.Key
		holder access.Principal
		revoke func(t *testing.T, w *world, keys *accesstest.MemKeys, members *accesstest.MemMembers)
	}{
		{"key revoked", &business, business.Principal(), revoke},
		{"key expires", &business, business.Principal(), func(_ *testing.T, w *world, _ *accesstest.MemKeys, _ *accesstest.MemMembers) {
			w.now = business.ExpiresAt
		}},
		{"user key revoked", &user, user.Principal(), revoke},
		{"user of a key removed", &user, user.Principal(), remove},
		{"member removed", nil, session, remove},
		{"member may read only", nil, session, func(t *testing.T, _ *world, _ *accesstest.MemKeys, members *accesstest.MemMembers) {
			member(t, members, access.ReadOnly)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, keys, members := boundWorld(t)
			if c.key != nil {
				if err := keys.CreateKey(t.Context(), *c.key); err != nil {
					t.Fatal(err)
				}
			}
			member(t, members, access.Owner)
			uri := w.uriFor(t, c.holder)
			if uri != w.uriFor(t, c.holder) {
				t.Error("equal links differ")
			}
			for _, text := range []string{"ann", jobID + "%", c.holder.Name} {
				if strings.Contains(uri, text) {
					t.Errorf("the link %s has %s", uri, text)
				}
			}
			if rec := w.do(t, "GET", uri); rec.Code != http.StatusOK {
				t.Fatalf("status %d: %s", rec.Code, rec.Body)
			}
			if got := w.trail.all(); len(got) != 1 || got[0].Actor != c.holder.Name {
				t.Errorf("recorded is %+v, want %s", got, c.holder.Name)
			}
			c.revoke(t, w, keys, members)
			asked := w.jobs.calls
			for _, header := range []string{"Range: bytes=1000-", "X: y"} {
				rec := w.do(t, "GET", uri, header)
				if rec.Code != http.StatusForbidden || rec.Body.String() != "The link is not valid any more: whoever asked for it may not export.\n" {
					t.Errorf("then it has status %d: %s", rec.Code, rec.Body)
				}
			}
			if w.jobs.calls != asked {
				t.Error("the job was looked up")
			}
			if strings.Contains(w.log.String(), "ann") {
				t.Errorf("logged %s", w.log)
			}
		})
	}
}

// TestBoundLinksCannotBeChanged: whom a link is for is signed, and belongs to that link.
func TestBoundLinksCannotBeChanged(t *testing.T) {
	w, _, _ := boundWorld(t)
	ann := w.uriFor(t, access.Principal{Name: "ann", OrganizationID: organization, Role: access.Owner})
	bob := w.uriFor(t, access.Principal{Name: "bob", OrganizationID: organization, Role: access.Owner})
	if rec := w.do(t, "GET", ann); rec.Code != http.StatusOK {
		t.Fatalf("status %d", rec.Code)
	}
	holder := func(uri string) string {
		_, rest, _ := strings.Cut(uri, "&for=")
		text, _, _ := strings.Cut(rest, "&")
		return text
	}
	for name, uri := range map[string]string{
		"another's": strings.Replace(ann, holder(ann), holder(bob), 1), "nobody's": strings.Replace(ann, "&for="+holder(ann), "", 1),
		"empty": strings.Replace(ann, holder(ann), "", 1), "short": strings.Replace(ann, holder(ann), "QUJD", 1),
		"twice": strings.Replace(ann, "&for=", "&for="+holder(ann)+"&for=", 1), "last": strings.Replace(ann, "&for="+holder(ann), "", 1) + "&for=" + holder(ann),
	} {
		if rec := w.do(t, "GET", uri); rec.Code != http.StatusForbidden || rec.Body.String() != "The link is not valid.\n" {
			t.Errorf("%s: status %d, %s", name, rec.Code, rec.Body)
		}
	}
}

// TestLinksOfBothKinds: links that were made before stay what they are, whatever is set now.
func TestLinksOfBothKinds(t *testing.T) {
	w, _, _ := boundWorld(t)
	plain := w.config
	plain.Bound = false
	unbound, err := newLinks(t, plain).Sign(t.Context(), objectKey, filename, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if rec := w.do(t, "GET", strings.TrimPrefix(unbound.URL, "http://example.com")); rec.Code != http.StatusOK {
		t.Errorf("a link of before has status %d", rec.Code)
	}
	gone := w.uriFor(t, access.Principal{Name: "session:1", Subject: "nobody"})
	w.handler = newLinks(t, plain)
	if rec := w.do(t, "GET", gone); rec.Code != http.StatusForbidden {
		t.Errorf("a bound link has status %d after links are bound no more", rec.Code)
	}
	plain.MayDownload = nil
	w.handler = newLinks(t, plain)
	if rec := w.do(t, "GET", gone); rec.Code != http.StatusForbidden || rec.Body.String() != "The link is not valid.\n" {
		t.Errorf("a bound link that nobody can check has status %d, %s", rec.Code, rec.Body)
	}
}

// TestBoundLinksFail: without a principal there is no link, and when nobody knows who may
// export, no archive.
func TestBoundLinksFail(t *testing.T) {
	w, _, _ := boundWorld(t)
	links := w.handler.(*sign.Links)
	if _, err := links.Sign(t.Context(), objectKey, filename, time.Hour); err == nil || !strings.Contains(err.Error(), "access.WithPrincipal") {
		t.Errorf("a link for nobody: %v", err)
	}
	long := access.Principal{Subject: strings.Repeat("a", 2000)}
	if _, err := links.Sign(access.WithPrincipal(t.Context(), long), objectKey, filename, time.Hour); err == nil {
		t.Error("a link of any length is made")
	}
	uri := w.uriFor(t, access.Principal{Name: "ann", Subject: "ann"})
	c := w.config
	c.MayDownload = func(context.Context, access.Principal, string) (bool, error) {
		return true, errors.New("dial db.internal")
	}
	w.handler = newLinks(t, c)
	rec := w.do(t, "GET", uri)
	if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "internal:") || strings.Contains(rec.Body.String(), "db.") {
		t.Errorf("status %d, %s", rec.Code, rec.Body)
	}
	if !strings.Contains(w.log.String(), "db.internal") || w.jobs.calls != 0 {
		t.Errorf("logged %s", w.log)
	}
	c.MayDownload = func(context.Context, access.Principal, string) (bool, error) {
		return false, &export.OutageError{What: "the jobs database", Kind: export.OutageConnection, Err: errors.New("refused")}
	}
	w.handler = newLinks(t, c)
	if rec := w.do(t, "GET", uri); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("while the database is away: status %d, %s", rec.Code, rec.Body)
	}
	c.MayDownload = nil
	if _, err := sign.New(c); err == nil || !strings.Contains(err.Error(), "MayDownload is missing") {
		t.Errorf("links that nobody checks: %v", err)
	}
}

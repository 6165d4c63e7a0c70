package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// TestLife walks with a job from its request to the end of its archive.
func TestLife(t *testing.T) { eachScheme(t, life) }

func life(t *testing.T, w *world) {
	created := w.send("POST", exports+ourOrg)
	created.want(http.StatusOK)
	created.wantHeader("Retry-After", "2")
	id := created.text("job_id")
	wantFields(t, created, map[string]any{
		"job_id": id, "status": "pending", "archive_format": "zip", "format_version": "1.0", "file_size_bytes": 0.0,
		"sections": []any{}, "output_filename": nil, "download_url": nil, "expires_at": nil, "error": nil,
	})
	again := w.send("POST", exports+ourOrg)
	if got := again.text("job_id"); got != id {
		t.Errorf("a second request gives job %s, want %s", got, id)
	}
	url := exports + ourOrg + "/" + id
	if r := w.send("GET", url); string(r.body) != string(created.body) {
		t.Errorf("the poll gives %s, the request %s", r.body, created.body)
	}

	w.work()
	done := w.send("GET", url)
	done.want(http.StatusOK)
	done.wantHeader("Retry-After", "")
	job, err := w.store.Get(t.Context(), ourOrg, id)
	if err != nil {
		t.Fatal(err)
	}
	wantFields(t, done, map[string]any{
		"job_id": id, "status": "completed", "archive_format": "zip", "format_version": "1.0",
		"file_size_bytes": float64(job.Size), "output_filename": job.Filename,
		"download_url": done.text("download_url"), "expires_at": done.text("expires_at"), "error": nil,
		"sections": []any{
			map[string]any{"key": "organization", "status": "ok", "record_count": 1.0},
			map[string]any{"key": "products", "status": "ok", "record_count": 1.0, "binary_count": 1.0},
			map[string]any{"key": "tickets", "status": "empty", "record_count": 0.0},
		},
	})
	if job.Size == 0 || !strings.HasPrefix(job.Filename, "export-acme-foods-") {
		t.Errorf("the job has size %d and file name %q", job.Size, job.Filename)
	}
	if !timestamp.MatchString(done.text("expires_at")) || !strings.Contains(string(done.body), "&filename=") {
		t.Errorf("the link is not plain: %s", done.body)
	}
	time.Sleep(2 * time.Millisecond) // the fake's links differ by the instant
	if r := w.send("GET", url); r.text("download_url") == done.text("download_url") {
		t.Error("two polls give the same link")
	}

	for range 2 {
		r := w.send("DELETE", url)
		r.want(http.StatusNoContent)
		if len(r.body) > 0 {
			t.Errorf("status 204 with a body: %s", r.body)
		}
	}
	purged := w.send("GET", url)
	purged.want(http.StatusOK)
	for _, name := range []string{"download_url", "expires_at"} {
		if v, ok := purged.json[name]; v != nil || !ok {
			t.Errorf("after the purge %s is %v, and it is %t that it is there", name, v, ok)
		}
	}
	if purged.text("status") != "completed" || len(purged.json["sections"].([]any)) != 3 {
		t.Errorf("after the purge: %s", purged.body)
	}
	wantTrail(t, w, "export.purged "+id, "export.linked "+id, "export.requested "+id)
}

func TestCancel(t *testing.T) { eachScheme(t, cancelled) }

func cancelled(t *testing.T, w *world) {
	id := w.job("?archive_format=tar.gz&sections=products&sections=organization")
	for range 2 {
		w.send("DELETE", exports+ourOrg+"/"+id).want(http.StatusNoContent)
	}
	r := w.send("GET", exports+ourOrg+"/"+id)
	r.wantHeader("Retry-After", "")
	wantFields(t, r, map[string]any{
		"job_id": id, "status": "failed", "archive_format": "tar.gz", "format_version": "1.0", "file_size_bytes": 0.0,
		"sections": []any{}, "error": "The export was cancelled.",
		"output_filename": nil, "download_url": nil, "expires_at": nil,
	})
	wantTrail(t, w, "export.cancelled "+id, "export.requested "+id)
}

func TestSectionsParameter(t *testing.T) {
	w := newWorld(t, nil)
	id := w.job("?sections=products&sections=organization")
	for _, same := range []string{"?sections=organization,products", "?sections=products,&sections=organization,products"} {
		if got := w.job(same); got != id {
			t.Errorf("%s gives another job", same)
		}
	}
	all := w.job("")
	for _, same := range []string{"?sections=", "?sections=tickets,organization,products", "?archive_format=&retry_of="} {
		if got := w.job(same); got != all {
			t.Errorf("%s is not all sections", same)
		}
	}
}

func TestRetry(t *testing.T) {
	w := newWorld(t, nil)
	id := w.job("?sections=products")
	w.work()
	retry := w.send("POST", exports+ourOrg+"?retry_of="+id)
	retry.want(http.StatusOK)
	if got := len(retry.json["sections"].([]any)); got != 1 || retry.text("job_id") == id {
		t.Errorf("the retry is %s", retry.body)
	}
	r := w.send("POST", exports+ourOrg+"?retry_of="+id+"&archive_format=tar.gz")
	wantFault(t, r, "query", "retry_of", "value_error")
}

// TestBodies: what else a client may send along with a request.
func TestBodies(t *testing.T) {
	for name, body := range map[string]option{
		"none":                   func(*http.Request) {},
		"empty with a type":      withBody("application/x-www-form-urlencoded", ""),
		"empty object":           withBody("application/json; charset=utf-8", " {\n } "),
		"empty object, no type":  withBody("", "{}"),
		"accepts anything":       withHeader("Accept", "*/*"),
		"accepts any of ours":    withHeader("Accept", "text/html, application/*;q=0.5"),
		"accepts problems":       withHeader("Accept", "application/problem+json"),
		"accepts what is broken": withHeader("Accept", "/"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.send("POST", exports+ourOrg, body).want(http.StatusOK)
		})
	}
}

func TestAuthenticateByHost(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.config.Keys = nil
		w.config.Authenticate = func(r *http.Request) (access.Principal, error) {
			switch user := r.Header.Get("User"); user {
			case "":
				return access.Principal{}, export.WithPublic(w401, "Please sign in.")
			case "broken":
				return access.Principal{}, errSecret
			default:
				return access.Principal{Name: "user:" + user, Subject: user}, nil
			}
		}
	})
	if err := w.members.PutMember(t.Context(), access.Member{OrganizationID: ourOrg, Subject: "ann", Role: access.Owner}); err != nil {
		t.Fatal(err)
	}
	w.send("POST", exports+ourOrg, withHeader("User", "ann")).want(http.StatusOK)
	w.send("POST", exports+ourOrg, withHeader("User", "bob")).want(http.StatusForbidden)
	w.send("POST", exports+ourOrg, withHeader("User", "broken")).want(http.StatusInternalServerError)
	r := w.send("POST", exports+ourOrg)
	r.want(http.StatusUnauthorized)
	r.wantHeader("WWW-Authenticate", "")
	if r.text("detail") != "Please sign in." {
		t.Errorf("the detail is %q", r.text("detail"))
	}
	entries, err := w.trail.Entries(t.Context(), ourOrg, 10)
	if err != nil || len(entries) != 1 || entries[0].Actor != "user:ann" || entries[0].Address != "127.0.0.1" {
		t.Errorf("the trail has %+v, %v", entries, err)
	}
}

// TestKeyUseIsNoted: once a minute, whatever becomes of the request.
func TestKeyUseIsNoted(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(w *world) { w.config.Now = func() time.Time { return now } })
	used := func() time.Time {
		key, err := w.keys.KeyByHash(t.Context(), access.Hash(w.key))
		if err != nil {
			t.Fatal(err)
		}
		return key.LastUsedAt
	}
	first := now
	for range 5 {
		w.send("GET", exports+ourOrg).want(http.StatusOK)
		if !used().Equal(first) {
			t.Errorf("at %v the key was used last at %v, want %v", now, used(), first)
		}
		now = now.Add(10 * time.Second)
	}
	now = first.Add(time.Minute)
	w.faults.Fail("KeyStore.TouchKey", 1, errSecret)
	w.send("GET", exports+ourOrg).want(http.StatusOK) // a failure is only logged
	if !strings.Contains(w.log.String(), secret) {
		t.Error("the failure is not in the log")
	}
	now = first.Add(2 * time.Minute)
	w.send("GET", exports+ourOrg).want(http.StatusOK)
	if !used().Equal(now) {
		t.Errorf("the key was used last at %v, want %v", used(), now)
	}
}

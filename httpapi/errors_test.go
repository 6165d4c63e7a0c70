package httpapi_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
)

var w401 = httpapi.ErrUnauthorized

// wantFields compares all of a response.
func wantFields(t *testing.T, r reply, want map[string]any) {
	t.Helper()
	if !reflect.DeepEqual(r.json, want) {
		t.Errorf("%s %s gives\n%v, want\n%v", r.Request.Method, r.Request.URL, r.json, want)
	}
}

// wantError compares all of an error but its timestamp.
func wantError(t *testing.T, r reply, status int, code, title, detail string, retryable bool) {
	t.Helper()
	r.want(status)
	want := map[string]any{
		"type": "https://closient.com/docs/errors/" + code, "title": title, "status": float64(status), "detail": detail,
		"error_code": code, "retryable": retryable, "timestamp": r.json["timestamp"],
	}
	if details, ok := r.json["details"]; ok && status == http.StatusUnprocessableEntity {
		want["details"] = details // see wantFault
	}
	if status == http.StatusServiceUnavailable {
		want["retry_after"], want["retry_after_seconds"] = 5.0, 5.0
		r.wantHeader("Retry-After", "5")
	}
	wantFields(t, r, want)
}

// wantFault wants one problem of a request.
func wantFault(t *testing.T, r reply, in, name, kind string) {
	t.Helper()
	wantError(t, r, http.StatusUnprocessableEntity, "validation_error", "Validation Error", "Validation error.", false)
	details, _ := r.json["details"].([]any)
	if len(details) != 1 {
		t.Fatalf("want one problem: %s", r.body)
	}
	d, _ := details[0].(map[string]any)
	loc := []any{in}
	if name != "" {
		loc = append(loc, name)
	}
	if len(d) != 3 || !reflect.DeepEqual(d["loc"], loc) || d["type"] != kind || d["msg"] == "" {
		t.Errorf("the problem is %v, want %v of %v", d, kind, loc)
	}
}

// wantTrail wants entries about jobs, of anybody.
func wantTrail(t *testing.T, w *world, want ...string) {
	t.Helper()
	entries, err := w.trail.Entries(t.Context(), ourOrg, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, string(e.Action)+" "+e.JobID)
		if kind, _, _ := strings.Cut(e.Actor, ":"); !slices.Contains([]string{"key", "session", "token"}, kind) || e.Address != "127.0.0.1" || e.At.IsZero() {
			t.Errorf("an entry is %+v", e)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}

// operations are all requests that need credentials.
var operations = [][2]string{
	{"POST", exports + ourOrg}, {"GET", exports + ourOrg},
	{"GET", exports + ourOrg + "/" + noJob}, {"DELETE", exports + ourOrg + "/" + noJob},
	{"GET", exports + ourOrg + "/" + noJob + "/events"},
}

const (
	noCredentials = "Credentials are required, such as an API key in the header field X-API-Key."
	challenge     = `ApiKey realm="data-export", header="X-API-Key", Bearer realm="data-export"`
)

func TestUnauthorized(t *testing.T) {
	w := newWorld(t, nil)
	w.sealed.Store(true)
	const body = "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEf"
	const bad = "The API key is not valid."
	key := access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Owner}
	revoked, expired := key, key
	revoked.RevokedAt, expired.ExpiresAt = time.Now().Add(-time.Second), time.Now().Add(-time.Second)
	unknown, err := access.NewKeyText(access.Business, strings.NewReader(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		with     option
		detail   string
		lookedUp bool
	}{
		"none":           {withoutKey, noCredentials, false},
		"empty":          {withKey(""), bad, false},
		"malformed":      {withKey("csb_" + body), bad, false},
		"kind":           {withKey("csx_" + body + "_84041098"), bad, false},
		"wrong checksum": {withKey("csb_" + body + "_1a2b3c4d"), bad, false},
		"upper case":     {withKey("csb_" + body + "_84041098 x"), bad, false},
		"two keys":       {func(r *http.Request) { r.Header["X-Api-Key"] = []string{w.key, w.key} }, bad, false},
		"unknown":        {withKey(unknown), bad, true},
		"revoked":        {withKey(w.newKey(revoked)), bad, true},
		"expired":        {withKey(w.newKey(expired)), bad, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, o := range operations {
				w.faults.Fail("KeyStore.KeyByHash", 1, errSecret) // fires only if something is looked up
				r := w.send(o[0], o[1], test.with)
				if looked := r.StatusCode == http.StatusInternalServerError; looked != test.lookedUp {
					t.Errorf("looked up: %v, want %v", looked, test.lookedUp)
				}
				if test.lookedUp {
					r = w.send(o[0], o[1], test.with)
				} else {
					w.send(o[0], o[1]) // uses the fault up
				}
				wantError(t, r, http.StatusUnauthorized, "unauthorized", "Unauthorized", test.detail, false)
				r.wantHeader("WWW-Authenticate", challenge)
			}
		})
	}
}

func TestInvalid(t *testing.T) { eachScheme(t, invalid) }

func invalid(t *testing.T, w *world) {
	w.sealed.Store(true) // the user would be looked up among the members
	short, long, odd := noJob[1:], noJob+"2", "0"+noJob[1:]
	for _, test := range []struct{ method, path, in, name, kind string }{
		{"GET", short + "/" + noJob, "path", "organization_id", "string_too_short"},
		{"GET", long + "/" + noJob, "path", "organization_id", "string_too_long"},
		{"GET", odd + "/" + noJob, "path", "organization_id", "string_pattern_mismatch"},
		{"GET", "a%2Fb/" + noJob, "path", "organization_id", "string_too_short"},
		{"GET", ourOrg + "/" + short, "path", "job_id", "string_too_short"},
		{"GET", ourOrg + "/" + long, "path", "job_id", "string_too_long"},
		{"GET", ourOrg + "/" + odd, "path", "job_id", "string_pattern_mismatch"},
		{"GET", ourOrg + "/%C3%A9" + noJob[1:], "path", "job_id", "string_pattern_mismatch"},
		{"GET", ourOrg + "/550e8400-e29b-41d4-a716-446655440000", "path", "job_id", "string_too_long"},
		{"DELETE", ourOrg + "/" + odd, "path", "job_id", "string_pattern_mismatch"},
		{"DELETE", odd + "/" + noJob, "path", "organization_id", "string_pattern_mismatch"},
		{"GET", ourOrg + "/" + odd + "/events", "path", "job_id", "string_pattern_mismatch"},
		{"POST", odd, "path", "organization_id", "string_pattern_mismatch"},
		{"POST", ourOrg + "?archive_format=rar", "query", "archive_format", "enum"},
		{"POST", ourOrg + "?archive_format=ZIP", "query", "archive_format", "enum"},
		{"POST", ourOrg + "?sections=products,nothing", "query", "sections", "enum"},
		{"POST", ourOrg + "?retry_of=1", "query", "retry_of", "value_error"},
		{"POST", ourOrg + "?sections=%zz", "query", "", "query_malformed"},
		{"GET", odd, "path", "organization_id", "string_pattern_mismatch"},
		{"GET", ourOrg + "?page=0", "query", "page", "greater_than_equal"},
		{"GET", ourOrg + "?page=-99999999999999999999", "query", "page", "greater_than_equal"},
		{"GET", ourOrg + "?page=2147483648", "query", "page", "less_than_equal"},
		{"GET", ourOrg + "?page=99999999999999999999", "query", "page", "less_than_equal"},
		{"GET", ourOrg + "?page=two", "query", "page", "int_parsing"},
		{"GET", ourOrg + "?page_size=101", "query", "page_size", "less_than_equal"},
		{"GET", ourOrg + "?page_size=0", "query", "page_size", "greater_than_equal"},
		{"GET", ourOrg + "?page_size=1e2", "query", "page_size", "int_parsing"},
	} {
		wantFault(t, w.send(test.method, exports+test.path), test.in, test.name, test.kind)
	}
	r := w.send("POST", exports+odd+"?archive_format=rar&sections=a&sections=b&retry_of=c")
	r.want(http.StatusUnprocessableEntity)
	if got := len(r.json["details"].([]any)); got != 5 {
		t.Errorf("%d of 5 problems are listed: %s", got, r.body)
	}
	many := strings.Repeat("x", 30) + strings.Repeat(",y", 1)
	for i := range 200 {
		many += "," + strings.Repeat("z", i+1)
	}
	r = w.send("POST", exports+ourOrg+"?sections="+many)
	if got := len(r.json["details"].([]any)); got != 20 {
		t.Errorf("%d problems are listed, want 20", got)
	}
	wantFault(t, w.send("POST", exports+ourOrg, withBody("application/json", `{"archive_format":"zip"}`)), "body", "", "extra_forbidden")
	wantFault(t, w.send("DELETE", exports+ourOrg+"/"+noJob, withBody("", `x`)), "body", "", "extra_forbidden")
}

func TestForbidden(t *testing.T) {
	w := newWorld(t, nil)
	w.member(ourOrg, "ann", access.Owner)
	w.member(ourOrg, "bill", access.Billing)
	w.member(ourOrg, "ed", access.Editor)
	w.member(theirOrg, "tom", access.Owner)
	business := func(role access.Role) string {
		return w.newKey(access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: role})
	}
	user := func(id string) string { return w.newKey(access.Key{Kind: access.User, UserID: id}) }
	type test struct {
		with         option
		organization string
	}
	const detail = "You do not have permission to perform this action."
	tests := map[string]test{
		"another organization":    {withKey(business(access.Owner)), theirOrg},
		"unknown organization":    {withKey(business(access.Owner)), noOrg},
		"impossible organization": {withKey(business(access.Owner)), tooLarge},
		"editor":                  {withKey(business(access.Editor)), ourOrg},
		"readonly":                {withKey(business(access.ReadOnly)), ourOrg},
		"billing key":             {withKey(business(access.Billing)), ourOrg},
		"no role":                 {withKey(business("")), ourOrg},
		"publishable":             {withKey(w.newKey(access.Key{Kind: access.Publishable, OrganizationID: ourOrg, Role: access.Owner})), ourOrg},
	}
	for _, s := range schemes {
		for _, subject := range []string{"bill", "ed", "eve", "tom"} {
			tests[s.name+" of "+subject] = test{s.of(w, subject), ourOrg}
		}
		tests[s.name+", unknown"], tests[s.name+", impossible"] = test{s.of(w, "ann"), noOrg}, test{s.of(w, "ann"), tooLarge}
	}
	for name, test := range tests {
		for _, o := range operations {
			r := w.send(o[0], strings.Replace(o[1], ourOrg, test.organization, 1), test.with)
			t.Log(name)
			wantError(t, r, http.StatusForbidden, "forbidden", "Forbidden", detail, false)
		}
	}
	for _, key := range []string{business(access.Owner), business(access.Manager), user("ann")} {
		w.send("GET", exports+ourOrg, withKey(key)).want(http.StatusOK)
	}
}

func TestNotFound(t *testing.T) { eachScheme(t, notFound) }

func notFound(t *testing.T, w *world) {
	theirs, _, err := w.service.Create(t.Context(), exportOf(theirOrg))
	if err != nil {
		t.Fatal(err)
	}
	const detail = "The requested resource was not found."
	for _, id := range []string{noJob, theirs.ID, tooLarge} {
		for _, o := range [][2]string{
			{"GET", exports + ourOrg + "/" + id}, {"GET", exports + ourOrg + "/" + id + "/events"}, {"DELETE", exports + ourOrg + "/" + id}, {"POST", exports + ourOrg + "?retry_of=" + id},
		} {
			wantError(t, w.send(o[0], o[1]), http.StatusNotFound, "not_found", "Not Found", detail, false)
		}
	}
	if job, err := w.store.Get(t.Context(), theirOrg, theirs.ID); err != nil || job.Status != "pending" {
		t.Errorf("their job is %v, %v", job.Status, err)
	}
	for _, path := range []string{
		"/", "/nothing", "/dashboard/api/v1/data-export/", "/dashboard/api/v1/data-export", "/docs", "/docs/", "/downloads/x",
		"/openapi", "/schemas/ErrorOut.json", "/openapi-3.0.json", exports + ourOrg + "/" + noJob + "/x", exports + ourOrg + "/",
	} {
		for _, method := range []string{"GET", "POST"} {
			wantError(t, w.send(method, path, withoutKey), http.StatusNotFound, "not_found", "Not Found", detail, false)
		}
	}
}

// TestProtocol: errors that are not of an operation.
func TestProtocol(t *testing.T) { eachScheme(t, protocol) }

func protocol(t *testing.T, w *world) {
	w.sealed.Store(true)
	job := exports + ourOrg + "/" + noJob
	const noMethod = "The resource does not have this method."
	for _, test := range []struct{ method, path, allow string }{
		{"PUT", job, "DELETE, GET, HEAD"},
		{"POST", job, "DELETE, GET, HEAD"},
		{"OPTIONS", job, "DELETE, GET, HEAD"},
		{"DELETE", exports + ourOrg, "GET, HEAD, POST"},
		{"POST", "/healthz", "GET, HEAD"},
		{"PATCH", "/openapi.json", "GET, HEAD"},
		{"POST", job + "/events", "GET, HEAD"},
		{"GET", "/dashboard/api/v1/session", "DELETE"},
	} {
		r := w.send(test.method, test.path, withoutKey)
		wantError(t, r, http.StatusMethodNotAllowed, "method_not_allowed", "Method Not Allowed", noMethod, false)
		r.wantHeader("Allow", test.allow)
	}
	for _, accept := range []string{"text/html", "text/html, image/*;q=0.5", "application/json;q=0", "*/*;q=0", "application/xml, */*;q=0"} {
		for _, o := range operations {
			media := "application/json"
			if strings.HasSuffix(o[1], "/events") {
				media = "text/event-stream"
			}
			wantError(t, w.send(o[0], o[1], withHeader("Accept", accept)), http.StatusNotAcceptable,
				"not_acceptable", "Not Acceptable", "The response is only available as "+media+".", false)
		}
	}
	for _, body := range []option{
		withBody("application/x-www-form-urlencoded", "archive_format=zip"), withBody("text/plain", "{}"), withBody("nonsense;", "{}"),
	} {
		wantError(t, w.send("POST", exports+ourOrg, body), http.StatusUnsupportedMediaType, "unsupported_media_type",
			"Unsupported Media Type", "The body of the request has a type that is not supported.", false)
	}
	for _, o := range operations {
		if o[0] == "GET" {
			continue
		}
		wantError(t, w.send(o[0], o[1], withBody("application/json", strings.Repeat(" ", 5000))), http.StatusRequestEntityTooLarge,
			"content_too_large", "Content Too Large", "The body of the request is too large.", false)
	}
	r := w.send("HEAD", exports+ourOrg, withoutKey)
	r.want(http.StatusUnauthorized)
}

func TestConflict(t *testing.T) { eachScheme(t, conflict) }

func conflict(t *testing.T, w *world) {
	id := w.job("")
	wantError(t, w.send("POST", exports+ourOrg+"?retry_of="+id), http.StatusConflict, "conflict", "Conflict",
		"The export to retry has not ended yet.", false)
}

func exportOf(organization string) jobs.Request {
	return jobs.Request{OrganizationID: organization}
}

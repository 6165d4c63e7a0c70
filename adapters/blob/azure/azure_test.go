package azure_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/adapters/blob/azure"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

const account = "acmeexports"

var key = base64.StdEncoding.EncodeToString([]byte("a key of an account that does not exist, of 64 bytes or so......"))

func signer(t *testing.T) jobs.Signer {
	t.Helper()
	client, err := container.NewClientWithNoCredential("https://"+account+".blob.core.windows.net/exports", nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := azblob.NewSharedKeyCredential(account, key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: "prod", Provider: azure.Provider(azure.Signature{SharedKey: shared})})
	if err != nil {
		t.Fatal(err)
	}
	return blob.NewSigner(b, blob.SignerConfig{MediaType: func(string) string { return "application/zip" }})
}

func TestSigner(t *testing.T) { jobstest.RunSigner(t, signer) }

// TestSignature signs again what "Create a service SAS" of Azure's documentation says that
// is signed, of version 2020-12-06 and later.
func TestSignature(t *testing.T) {
	made, err := signer(t).Sign(t.Context(), "org/job/1.zip", "Zoë's export.zip", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Host != account+".blob.core.windows.net" || u.Path != "/exports/prod/org/job/1.zip" || q.Get("sp") != "r" || q.Get("spr") != "https" ||
		q.Get("se") != made.ExpiresAt.Format(time.RFC3339) || q.Get("sv") < "2020-12-06" {
		t.Errorf("the link is %s", made.URL)
	}
	signed := strings.Join([]string{
		q.Get("sp"), q.Get("st"), q.Get("se"), "/blob/" + account + u.Path, q.Get("si"), q.Get("sip"), q.Get("spr"), q.Get("sv"), q.Get("sr"),
		"", // the time of a snapshot
		q.Get("ses"), q.Get("rscc"), q.Get("rscd"), q.Get("rsce"), q.Get("rscl"), q.Get("rsct"),
	}, "\n")
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(signed))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); q.Get("sig") != want {
		t.Errorf("the signature is %s, want %s of\n%s", q.Get("sig"), want, signed)
	}
	const disposition = `attachment; filename="Zo_'s export.zip"; filename*=UTF-8''Zo%C3%AB%27s%20export.zip`
	if q.Get("rscd") != disposition || q.Get("rsct") != "application/zip" {
		t.Errorf("the link is %s", made.URL)
	}
}

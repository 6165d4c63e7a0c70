//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/s3test"
)

const bucketClusterConfig = `archive: {prefix: shop-export}
source: {database: "postgres://unused@127.0.0.1/unused"}
organization: {sql: "SELECT id, slug, name FROM shop_organizations WHERE id = :organization_id"}
limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_at_once: none, exports_per_day: none}
archives: {store: '%s'}
sections:
  - key: products
    required: true
    records:
      - {file: products.ndjson, sql: "SELECT id, organization_id, name, price_cents FROM shop_products WHERE organization_id = :organization_id ORDER BY id"}
  - key: images
    required: true
    assets:
      - {from: '%s', source: "{{.id}}.bin", file: "{{.id}}.bin", sql: "SELECT id FROM shop_products WHERE organization_id = :organization_id AND id %% %d = 0 ORDER BY id"}
`

// bucketCluster is two nodes of the API and three workers. Rows are in PostgreSQL, and images,
// parts and archives in buckets.
type bucketCluster struct {
	t      *testing.T
	d      jobsDatabase
	dir    string
	server *s3test.Server
	kept   s3test.Bucket

	organizations []string
	keys          []string
	apis, workers []*serving
}

// imageOf returns the image of a product: of 0 to 200 kB.
func imageOf(product int) []byte {
	random := rand.New(rand.NewPCG(uint64(product), 17))
	b := make([]byte, random.IntN(200_000))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func startBucketCluster(t *testing.T, products, every int) *bucketCluster {
	t.Helper()
	c := &bucketCluster{t: t, d: inPostgres(t), dir: t.TempDir(), server: s3test.NewServer(t)}
	c.d.sourceEnv = "ORGEXPORT_SOURCE_DATABASE=" + c.d.source
	c.kept = c.server.NewBucket(t)
	media := c.server.NewBucket(t)
	store, query, _ := strings.Cut(media.URL("media/{{.organization_id}}"), "?")
	write(t, filepath.Join(c.dir, "exportd.yaml"), fmt.Sprintf(bucketClusterConfig, c.kept.URL("prod"), store+"?"+query, every))
	c.d.exec(t, "CREATE TABLE shop_organizations (id text PRIMARY KEY, slug text, name text)")
	c.d.exec(t, "CREATE TABLE shop_products (id bigint PRIMARY KEY, organization_id text, name text, price_cents bigint)")
	for i := range 20 {
		id := export.NewID()
		c.organizations = append(c.organizations, id)
		c.d.exec(t, fmt.Sprintf("INSERT INTO shop_organizations VALUES ('%s', 'org-%d', 'Organization %d')", id, i, i))
		c.d.exec(t, fmt.Sprintf(`INSERT INTO shop_products SELECT n * 20 + %d, '%s', 'Product ' || md5(n::text), n %% 100000 FROM generate_series(1, %d) n`, i, id, products/20))
	}
	c.d.exec(t, "CREATE INDEX ON shop_products (organization_id, id)")
	c.upload(media, products, every)
	for range 2 {
		c.apis = append(c.apis, c.d.api(t, c.dir, freeAddress(t), s3test.Environment()...))
	}
	for range 3 {
		c.workers = append(c.workers, c.d.worker(t, c.dir, "exportd.yaml", s3test.Environment()...))
	}
	for _, id := range c.organizations {
		c.keys = append(c.keys, c.d.newKey(t, c.dir, "--organization", id))
	}
	return c
}

// upload puts the image of each product that has one.
func (c *bucketCluster) upload(media s3test.Bucket, products, every int) {
	c.t.Helper()
	client := media.Client()
	group, ctx := errgroup.WithContext(c.t.Context())
	group.SetLimit(32)
	for id := 20; id < products+40; id++ {
		if id%every != 0 {
			continue
		}
		group.Go(func() error {
			_, err := client.PutObject(ctx, &awss3.PutObjectInput{
				Bucket: &media.Name, Key: aws.String(fmt.Sprintf("media/%s/%d.bin", c.organizations[id%20], id)), Body: bytes.NewReader(imageOf(id)),
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// request asks one of the nodes for the export of an organization, and waits until it has ended.
func (c *bucketCluster) request(i int, query string) answer {
	c.t.Helper()
	api := c.apis[i%2]
	a := api.ask(c.t, c.keys[i], http.MethodPost, c.organizations[i], "?archive_format=zip"+query)
	if a.code != http.StatusOK || a.JobID == "" {
		c.t.Fatalf("POST gives %+v", a)
	}
	within(c.t, 5*time.Minute, "ended", func() bool { // the machine may be busy with other tests
		a = c.apis[(i+1)%2].ask(c.t, c.keys[i], http.MethodGet, c.organizations[i], "/"+a.JobID)
		return ended(a)
	})
	return a
}

// wantWhole downloads an archive and compares it with the database and the images.
func (c *bucketCluster) wantWhole(i int, a answer, every int) {
	c.t.Helper()
	if a.Status != "completed" || a.Download == "" || a.Error != "" {
		c.t.Errorf("the job is %+v", a)
		return
	}
	content := get(c.t, a.Download, http.StatusOK)
	wantCurl(c.t, a.Download, a.Filename, content)
	dir := c.t.TempDir()
	write(c.t, filepath.Join(dir, a.Filename), content)
	finish(c.t, command(c.t, dir, "verify", a.Filename)).want(c.t, 0)
	files := unpack(c.t, strings.TrimSuffix(a.Filename, ".zip"), content)
	db, err := sql.Open(c.d.driver, c.d.source)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(c.t.Context(), "SELECT id, row_to_json(p)::text FROM shop_products p WHERE organization_id = $1 ORDER BY id", c.organizations[i])
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	lines := strings.Split(strings.TrimSuffix(files["products/products.ndjson"], "\n"), "\n")
	n, images := 0, 0
	for ; rows.Next(); n++ {
		var id int
		var want string
		if err := rows.Scan(&id, &want); err != nil {
			c.t.Fatal(err)
		}
		if n >= len(lines) || !sameJSON(lines[n], want) {
			c.t.Fatalf("row %d is not %s", n, want)
		}
		if id%every == 0 {
			images++
			if files[fmt.Sprintf("images/%d.bin", id)] != string(imageOf(id)) {
				c.t.Errorf("the image of product %d is another", id)
			}
		}
	}
	if err := rows.Err(); err != nil || n != len(lines) || images == 0 {
		c.t.Errorf("%d rows in the database, %d in the archive, %d images: %v", n, len(lines), images, err)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// TestBucketCluster exports 20 organizations, and then goes on while the server of the buckets is
// killed ten times.
func TestBucketCluster(t *testing.T) {
	t.Parallel()
	needTools(t, "curl")
	products, every := 10_000, 51
	if archivetest.Long() {
		products = 200_000
	}
	c := startBucketCluster(t, products, every)
	var all sync.WaitGroup
	for i := range c.organizations {
		all.Go(func() { c.wantWhole(i, c.request(i, ""), every) })
	}
	all.Wait()
	if t.Failed() {
		return
	}
	c.whileServerIsKilled(every)
	for _, s := range append(c.apis, c.workers...) {
		s.wantNone(t, s3test.SecretKey)
	}
}

// whileServerIsKilled requests exports while the server is killed, and looks at what they and
// their uploads have left.
func (c *bucketCluster) whileServerIsKilled(every int) {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	var clients sync.WaitGroup
	var completed, failed atomic.Int64
	for i := range 4 {
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				// Each has other sections, so that it is another job.
				a := c.request(i, []string{"", "&sections=products", "&sections=images"}[n%3])
				if a.Status == "completed" {
					completed.Add(1)
				} else if failed.Add(1); a.Error == "" || a.Download != "" {
					c.t.Errorf("a job failed without a word: %+v", a)
				}
			}
		})
	}
	for range 10 {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond) // at any moment of an upload
		c.server.Kill(c.t)
		c.server.Start(c.t)
	}
	stop()
	clients.Wait()
	c.t.Logf("%d exports were completed while the server was killed, and %d failed", completed.Load(), failed.Load())
	if completed.Load() == 0 {
		c.t.Error("no export was completed")
	}
	c.wantWhole(0, c.request(0, ""), every)
	c.wantOnlyWhatJobsHave()
}

// wantOnlyWhatJobsHave: an archive in the bucket is that of an export that is completed, and
// uploads that have failed are aborted once their processes have had another one.
func (c *bucketCluster) wantOnlyWhatJobsHave() {
	c.t.Helper()
	for _, key := range under(c.t, c.kept, "prod/archives/") {
		var known int
		c.d.row(c.t, "SELECT count(*) FROM orgexport_jobs WHERE status = 'completed' AND 'prod/archives/' || object_key = '"+key+"'", &known)
		if known != 1 {
			c.t.Errorf("%s belongs to no export that is completed", key)
		}
	}
	within(c.t, 2*time.Minute, "without uploads", func() bool {
		if len(c.kept.Uploads(c.t)) == 0 {
			return true
		}
		c.request(rand.IntN(len(c.keys)), "")
		return false
	})
}

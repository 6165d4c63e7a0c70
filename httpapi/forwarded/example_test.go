package forwarded_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/orgexport/orgexport/httpapi/forwarded"
)

func ExampleProxies_Client() {
	proxies := forwarded.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
	r.RemoteAddr = "10.0.0.1:41234"                                    // the load balancer has connected
	r.Header.Set("X-Forwarded-For", "1.2.3.4, 198.51.100.7, 10.0.0.2") // the first one is made up
	fmt.Println(proxies.Client(r))
	// Output: 198.51.100.7
}

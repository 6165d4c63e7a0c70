// Package pgaddress reads the addresses of PostgreSQL databases.
package pgaddress

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// connectTimeout is how long a connection may take, unless the address or
// PGCONNECT_TIMEOUT has another time.
const connectTimeout = 10 * time.Second

// Parse reads a URL of PostgreSQL, with all parameters that pgx knows. application is the
// application_name, unless the URL or PGAPPNAME has another. The error hides the driver's,
// which may quote the password or a part of it.
func Parse(address, application string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL, or a PG… variable of the environment, is not valid (special characters are to be escaped, such as %2F for a slash)")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = application
	}
	return config, nil
}

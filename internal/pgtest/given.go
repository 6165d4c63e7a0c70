package pgtest

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	givenVariable   = "ORGEXPORT_TEST_POSTGRES"
	databasePrefix  = "orgexport_test_"
	minimumPassword = 12
)

// checkGiven returns an error if tests cannot use a given server. The error does
// not tell the password.
func checkGiven(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("want postgres://user:password@host/database")
	}
	// Tests look for the password in logs and errors. It must not be there as a
	// part of something else.
	password, _ := u.User.Password()
	rest := *u
	rest.User = url.User(u.User.Username())
	if len(password) < minimumPassword || strings.Contains(rest.String()+databasePrefix, password) {
		return errors.New("want a password of 12 bytes or more that is in no other part of the URL")
	}
	// A parameter may name the database. Tests would then work in that one.
	const name = databasePrefix + "name"
	database, err := inServer(address, name)
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return err
	}
	if config.Database != name {
		return errors.New("want the database in the path of the URL and in no parameter")
	}
	return nil
}

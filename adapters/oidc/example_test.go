package oidc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgexport/orgexport/adapters/oidc"
)

func ExampleVerifier_Verify() {
	verifier, err := oidc.New(oidc.Config{
		Issuer:   "https://login.example.com/realms/acme",
		Audience: "https://exports.example.com",
		Scope:    "exports:write",
	})
	if err != nil {
		panic(err)
	}
	principal, err := verifier.Verify(context.Background(), "b1946ac92492d2347c6235b4d2611184")
	switch {
	case errors.Is(err, oidc.ErrUnavailable):
		fmt.Println("503:", err)
	case errors.Is(err, oidc.ErrToken):
		fmt.Println("401:", err)
	case err == nil:
		fmt.Println("welcome,", principal.Name)
	}
	// Output:
	// 401: oidc: token refused: not a signed JWT in the compact form
}

// A member is stored for the text that Verify makes the principal's subject.
func ExampleSubject() {
	subject := oidc.Subject("https://login.example.com/realms/acme", "248289761001")
	fmt.Println(subject)
	fmt.Println(oidc.Name(subject))
	// Output:
	// https://login.example.com/realms/acme#248289761001
	// oidc:rdUgG5UHbUi4G9kliUMRdw
}

package pgvalue

import (
	"encoding/json"
	"math/big"
	"testing"
)

func TestExactNumber(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "-1": "-1", "+1": "1", "0": "0", "-0": "-0", "007": "7", "-007.50": "-7.50", "00": "0",
		".5": "0.5", "-.5": "-0.5", "+.5": "0.5", "5.": "5", "1.10": "1.10", "0.000": "0.000",
		"12345678901234567890.12345678901234567890": "12345678901234567890.12345678901234567890",
		"1e5": "1e5", "1E+05": "1E+05", "5.e-3": "5e-3", ".5e3": "0.5e3",

		"": "", "-": "", "+": "", ".": "", "-.": "", "+-1": "", "--1": "", "1e": "", "1e+": "", "1e+-1": "", "e5": "",
		"1.2.3": "", "1,5": "", "1_000": "", "0x10": "", " 1": "", "1 ": "", "NaN": "", "Infinity": "", "-Infinity": "", "١": "",
	} {
		got, ok := ExactNumber(in)
		if string(got) != want || ok != (want != "") {
			t.Errorf("ExactNumber(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

// Exact rational numbers of math/big and the JSON parser are the judges.
func FuzzExactNumber(f *testing.F) {
	for _, s := range []string{"-007.50e+3", ".5", "5.", "+1", "1e", "٣", "1/2", "0x1p-2", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ExactNumber(s)
		if !ok {
			if json.Valid([]byte(s)) && (s[0] == '-' || isDigit(s[0])) && isDigit(s[len(s)-1]) {
				t.Fatalf("%q is a JSON number", s)
			}
			return
		}
		if !json.Valid([]byte(n)) {
			t.Fatalf("%q became %q, which is not JSON", s, n)
		}
		if len(s) > 50 {
			return
		}
		var e big.Float // keeps the exponent in bounds
		if _, _, err := e.Parse(s, 10); err != nil || e.MantExp(nil) > 1000 || e.MantExp(nil) < -1000 {
			return
		}
		was, ok1 := new(big.Rat).SetString(s)
		is, ok2 := new(big.Rat).SetString(string(n))
		if !ok1 || !ok2 || was.Cmp(is) != 0 {
			t.Fatalf("%q became %q", s, n)
		}
	})
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

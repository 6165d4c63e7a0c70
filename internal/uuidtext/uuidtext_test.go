package uuidtext

import (
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	uuid := [16]byte{0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0x00, 0x0f}
	const text = "550e8400-e29b-41d4-a716-44665544000f"
	if got := Format(uuid); got != text {
		t.Errorf("got %s", got)
	}
	for _, text := range []string{text, strings.ToUpper(text)} {
		if got, ok := Parse(text); !ok || got != uuid {
			t.Errorf("Parse(%q) = %x, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "550e8400e29b41d4a71644665544000f", text + "0", text[1:], "{" + text + "}", "550e8400-e29b-41d4-a716-44665544000g", "550e8400-e29b-41d4-a716-4466554400-f", "550e8400+e29b-41d4-a716-44665544000f"} {
		if got, ok := Parse(text); ok {
			t.Errorf("Parse(%q) = %x", text, got)
		}
	}
}

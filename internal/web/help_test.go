package web

import (
	"slices"
	"testing"

	"sallyport/help"
	"sallyport/internal/fault"
)

// TestEveryCodeHasAHelpPage compares the codes with the pages, both ways.
// Package help imports nothing, so the test stands here, at the door that
// serves them.
func TestEveryCodeHasAHelpPage(t *testing.T) {
	var codes []string
	for _, code := range fault.Codes() {
		codes = append(codes, string(code))
		if _, ok := help.Error(string(code)); !ok {
			t.Errorf("help/errors/%s.txt is missing", code)
		}
	}
	for _, code := range help.ErrorCodes() {
		if !slices.Contains(codes, code) {
			t.Errorf("help/errors/%s.txt explains a code that does not exist", code)
		}
	}
}

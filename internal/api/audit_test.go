package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

// TestAcceptChoosesHowTheLogIsAnswered by the media types of the contract.
func TestAcceptChoosesHowTheLogIsAnswered(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x := s.tenant(t, "acme.test")
	secret := s.token(t, x.ID, access.ScopeAudit)
	path := "/organizations/" + x.ID + "/audit"
	for accept, kind := range map[string]string{
		"": "application/json", "*/*": "application/json", "application/json": "application/json", "application/json, text/csv": "application/json", "image/png": "application/json",
		"text/csv": "text/csv; charset=utf-8", "TEXT/CSV;q=0.9, */*": "text/csv; charset=utf-8", "application/jsonl": "application/jsonl", "application/x-ndjson": "application/jsonl",
	} {
		a := s.call(t, secret, "GET", path+"?action=user.&limit=1", nil, "Accept", accept)
		if got := a.header.Get("Content-Type"); a.status != 200 || got != kind {
			t.Errorf("%q: %d %s", accept, a.status, got)
		}
		if disposition := a.header.Get("Content-Disposition"); (kind != "application/json") != strings.HasPrefix(disposition, "attachment; filename=audit-"+x.ID) {
			t.Errorf("%q: %q", accept, disposition)
		}
	}
	lines := strings.Split(strings.TrimSpace(s.call(t, secret, "GET", path, nil, "Accept", "application/jsonl").raw), "\n")
	listed := s.call(t, secret, "GET", path+"?limit=200", nil).body["items"].([]any)
	if len(lines) != len(listed) || len(lines) < 5 {
		t.Fatalf("%d lines, %d are listed", len(lines), len(listed))
	}
	for i, line := range lines { // the same objects, and the export itself before them
		var e object
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e["id"] != listed[i].(object)["id"] || e["action"] != listed[i].(object)["action"] {
			t.Errorf("%v, listed %v", e, listed[i])
		}
	}
}

// TestTheLogIsFilteredByTarget in lists and files.
func TestTheLogIsFilteredByTarget(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x := s.tenant(t, "acme.test")
	secret := s.token(t, x.ID, access.ScopeAudit)
	for _, path := range []string{"/organizations/" + x.ID + "/audit?target=acme.test", "/organizations/" + x.ID + "/audit/export?format=csv&target=acme.test"} {
		a := s.call(t, secret, "GET", path, nil)
		if !strings.Contains(a.raw, "domain.claimed") || strings.Contains(a.raw, "organization.created") {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	if a := s.call(t, secret, "GET", "/organizations/"+x.ID+"/audit/export?format=xml", nil); a.status != 422 || a.body["code"] != string(fault.CodeInvalid) {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

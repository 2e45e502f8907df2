package api_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/testenv/parts"
)

// TestDocumentsThroughTheAPI: a bad document of metadata is refused with the line
// and the reason, whether it comes with a new profile or a change.
func TestDocumentsThroughTheAPI(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	acme := s.Organization(t, "Acme")
	secret := s.token(t, acme.ID, access.ScopeSSO)
	made := s.call(t, secret, "POST", "/organizations/"+acme.ID+"/sso-profiles", object{"name": "Login", "notes": "Ask IT."})
	path := "/sso-profiles/" + fmt.Sprint(made.body["id"])
	if made.status != 201 || made.body["notes"] != "Ask IT." {
		t.Fatalf("%d %s", made.status, made.raw)
	}
	for _, d := range parts.Documents() {
		body := object{"name": "Login", "metadata_xml": d.Text}
		for _, a := range []answer{
			s.call(t, secret, "POST", "/organizations/"+acme.ID+"/sso-profiles", body),
			s.call(t, secret, "PATCH", path, body),
		} {
			if d.Says == "" && d.Several == 0 {
				if a.status/100 != 2 || strings.Contains(a.raw, `"code":"`+d.Warns+`"`) != (d.Warns != "") {
					t.Errorf("%s: %d %s", d.Name, a.status, a.raw)
				}
				continue
			}
			says := d.Says
			if d.Several > 0 {
				says = "name one as entity_id"
			}
			detail, _ := a.body["detail"].(string)
			if a.status != 422 || a.code() != "metadata_invalid" && a.code() != "invalid" || !strings.Contains(a.raw, says) && !strings.Contains(a.raw, "5242880") {
				t.Errorf("%s: %d %.300s", d.Name, a.status, a.raw)
			}
			if d.Line > 0 && !strings.HasPrefix(detail, fmt.Sprintf("line %d: ", d.Line)) {
				t.Errorf("%s: not line %d: %s", d.Name, d.Line, detail)
			}
		}
	}
}

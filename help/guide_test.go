package help

import (
	"strings"
	"testing"
)

func TestBlocksHoldTheValues(t *testing.T) {
	v := Values{EntityID: "https://sp.test/m", ACSURL: "https://sp.test/a", MetadataURL: "https://sp.test/m", SLOURL: "https://sp.test/s"}
	g, ok := GuideFor("okta")
	if !ok {
		t.Fatal("no guide for Okta")
	}
	got := map[string]string{}
	for _, s := range g.Blocks(v) {
		for _, p := range s.Parts {
			for _, r := range p.Rows {
				got[r.Field] = r.Value
			}
		}
	}
	if got["Single sign-on URL"] != v.ACSURL || got["Audience URI (SP Entity ID)"] != v.EntityID || got["Default RelayState"] != "leave empty" {
		t.Errorf("%v", got)
	}
}

func TestAdviceNamesTheFieldOfTheGuide(t *testing.T) {
	a := Advise("saml_audience_mismatch", "okta")
	if a.Side != TheirSide || a.Field != "Audience URI (SP Entity ID)" || !strings.Contains(a.Fix, `"Audience URI (SP Entity ID)"`) {
		t.Errorf("%+v", a)
	}
}

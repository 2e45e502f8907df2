package help

import (
	"slices"
	"strings"
	"testing"
)

// TestAdviceNamesFieldsOfTheGuide: whatever advice names as a field stands in
// that Identity Provider's guide, and the fix says it.
func TestAdviceNamesFieldsOfTheGuide(t *testing.T) {
	for code, byIdP := range rules() {
		general, finding, _ := strings.Cut(code, "/")
		if _, ok := Error(general); !ok || rules()[general] == nil {
			t.Errorf("%s has no page, or no general advice", general)
		}
		for _, g := range Guides() {
			a := AdviseOn(general, finding, g.Slug)
			if a.Field != "" && !slices.Contains(g.Fields(), a.Field) {
				t.Errorf("%s, %s: the field %q is not in the guide", code, g.Slug, a.Field)
			}
			if a.Field != "" && !strings.Contains(a.Fix, `"`+a.Field+`"`) {
				t.Errorf("%s, %s: the fix does not say where: %s", code, g.Slug, a.Fix)
			}
			if len(a.Fix) < 40 || strings.ContainsAny(a.Fix, "{}") || a.Side == "" {
				t.Errorf("%s, %s: %+v", code, g.Slug, a)
			}
			if r, special := byIdP[g.Slug]; special && r.purpose != "" && a.Field == "" {
				t.Errorf("%s, %s: a row of its own, for a field that the guide has no name for", code, g.Slug)
			}
		}
	}
}

func TestAdviceNamesTheFieldThere(t *testing.T) {
	for _, c := range []struct{ code, idp, field string }{
		{"saml_audience_mismatch", "okta", "Audience URI (SP Entity ID)"},
		{"saml_audience_mismatch", "keycloak", "Client ID"},
		{"saml_audience_mismatch", "auth0", "audience"},
		{"saml_audience_mismatch", "other", ""},
	} {
		if a := Advise(c.code, c.idp); a.Side != TheirSide || a.Field != c.field || !strings.Contains(a.Fix, c.field) {
			t.Errorf("%s, %s: %+v", c.code, c.idp, a)
		}
	}
}

func TestAdviceOfTheUnknown(t *testing.T) {
	if a, other := Advise("saml_audience_mismatch", ""), Advise("saml_audience_mismatch", "other"); a != other || a.Fix == "" {
		t.Errorf("%+v, %+v", a, other)
	}
	if a := Advise("password_weak", "okta"); a != (Advice{}) {
		t.Errorf("%+v", a)
	}
}

func TestParseAdviceRefuses(t *testing.T) {
	for what, text := range map[string]string{
		"a row before a code":        "* idp entity_id: Fix.\n",
		"a special row first":        "a\nokta idp entity_id: Fix.\n",
		"two general rows":           "a\n* idp entity_id: Fix.\n* idp entity_id: Fix.\n",
		"the same code twice":        "a\n* idp -: Fix.\n\na\n* idp -: Fix.\n",
		"an unknown side":            "a\n* them -: Fix.\n",
		"an unknown field":           "a\n* idp audience: Fix.\n",
		"an unknown IdP":             "a\n* idp -: Fix.\nokto idp -: Fix.\n",
		"a row of two words":         "a\n* idp: Fix.\n",
		"a row without what to do":   "a\n* idp -\n",
		"one IdP twice for one code": "a\n* idp -: Fix.\nokta idp -: A.\nokta idp -: B.\n",
	} {
		if all, err := parseAdvice(text); err == nil {
			t.Errorf("%s: %+v", what, all)
		}
	}
}

func TestDiffers(t *testing.T) {
	for code, want := range map[string]bool{"saml_audience_mismatch": true, "saml_not_yet_valid": true, "saml_replayed": false, "password_weak": false} {
		if Differs(code) != want {
			t.Errorf("%s: %v", code, !want)
		}
	}
}

// TestAdviceForAnyOtherProductNamesNone: "Other SAML 2.0" is a choice in a list,
// not what somebody's Identity Provider is called.
func TestAdviceForAnyOtherProductNamesNone(t *testing.T) {
	g, _ := GuideFor("other")
	named := 0
	for code := range rules() {
		fix := Advise(code, "other").Fix
		if strings.Contains(fix, g.Name) || strings.Contains(fix, "{") || strings.Contains(fix, ". the ") || strings.HasPrefix(fix, "the ") || strings.Contains(fix, "the the ") {
			t.Errorf("%s: %s", code, fix)
		}
		if strings.Contains(fix, "he Identity Provider") {
			named++
		}
	}
	if named < 10 {
		t.Errorf("%d fixes name the Identity Provider", named)
	}
}

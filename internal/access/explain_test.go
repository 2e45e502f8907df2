package access

import (
	"reflect"
	"slices"
	"testing"
)

func TestExplainWalksTheTableToTheLineThatDecides(t *testing.T) {
	order := []Reason{ReasonUserDeactivated, ReasonSSODisabledForUser, ReasonSSOEnabledForUser, ReasonDomainEnforced, ReasonNotEnforced}
	for _, s := range subjects() {
		steps, decided := Explain(s), SignIn(s)
		for i, step := range steps {
			last := i == len(steps)-1
			if step.Reason != order[i] || step.Applies != last {
				t.Fatalf("%+v: step %d is %+v", s, i, step)
			}
		}
		if got := steps[len(steps)-1].Reason; got != decided.Reason {
			t.Errorf("%+v: explained by %s, decided by %s", s, got, decided.Reason)
		}
	}
}

func TestEveryFactIsFoundAndFits(t *testing.T) {
	yes := map[Fact]bool{FactDeactivated: true, FactSSODisabled: true, FactSSOEnabled: true, FactDomainEnforced: true, FactNothingElse: true}
	found, sentences := map[Fact]bool{}, map[string]bool{}
	for _, s := range subjects() {
		for _, step := range Explain(s) {
			found[step.Fact] = true
			if yes[step.Fact] != step.Applies {
				t.Fatalf("%+v: %+v", s, step)
			}
		}
	}
	for _, f := range Facts() {
		if !found[f] || f.Sentence() == "" || sentences[f.Sentence()] {
			t.Errorf("%s: found %v, %q", f, found[f], f.Sentence())
		}
		sentences[f.Sentence()] = true
	}
	if len(found) != len(Facts()) {
		t.Errorf("%d facts are found, %d are listed", len(found), len(Facts()))
	}
	if got := Fact("other").Sentence(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestWhyNoEnforcementCounts(t *testing.T) {
	for what, c := range map[string]struct {
		s    Subject
		want Fact
	}{
		"nobody manages the user":    {Subject{UserActive, "", SSOInherit, "", HeldDomain{"acme", DomainVerified, "P"}}, FactNotManaged},
		"nobody holds the domain":    {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{}}, FactDomainNotHeld},
		"another holds the domain":   {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"globex", DomainVerified, "P"}}, FactDomainNotHeld},
		"the claim is pending":       {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"acme", DomainPending, "P"}}, FactDomainNotHeld},
		"the domain is not enforced": {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"acme", DomainFrozen, ""}}, FactDomainNotEnforced},
	} {
		steps := Explain(c.s)
		want := []Step{{ReasonDomainEnforced, false, c.want}, {ReasonNotEnforced, true, FactNothingElse}}
		if got := steps[3:]; !reflect.DeepEqual(got, want) || !slices.Contains(Facts(), c.want) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

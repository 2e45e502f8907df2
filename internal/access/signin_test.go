package access

import (
	"fmt"
	"testing"
)

// subjects are all combinations of what the policy looks at, the impossible
// ones too: rows that should not exist must not let anybody in another way.
func subjects() (all []Subject) {
	for _, status := range []UserStatus{UserInvited, UserActive, UserDeactivated} {
		for _, setting := range []SSOSetting{SSOInherit, SSOEnabled, SSODisabled} {
			for _, own := range []string{"", "P", "Q"} {
				for _, organization := range []string{"", "acme", "globex"} {
					for _, d := range heldDomains() {
						all = append(all, Subject{status, organization, setting, own, d})
					}
				}
			}
		}
	}
	return all
}

func heldDomains() (all []HeldDomain) {
	for _, holder := range []string{"", "acme", "globex"} {
		for _, status := range []DomainStatus{"", DomainPending, DomainVerified, DomainLapsing, DomainFrozen} {
			for _, profile := range []string{"", "P", "Q"} {
				all = append(all, HeldDomain{holder, status, profile})
			}
		}
	}
	return all
}

// byTheBook is the table of the policy as it stands in the description of the
// product, line by line.
func byTheBook(s Subject) Decision {
	held := map[DomainStatus]bool{DomainVerified: true, DomainLapsing: true, DomainFrozen: true}
	if s.Status == UserDeactivated {
		return Decision{MethodNone, ReasonUserDeactivated, ""}
	}
	if s.SSO == SSODisabled {
		return Decision{MethodPassword, ReasonSSODisabledForUser, ""}
	}
	if s.SSO == SSOEnabled && s.SSOProfileID != "" {
		return Decision{MethodSSO, ReasonSSOEnabledForUser, s.SSOProfileID}
	}
	managed := s.OrganizationID != ""
	byTheOwn := s.Domain.OrganizationID == s.OrganizationID
	if managed && held[s.Domain.Status] && byTheOwn && s.Domain.EnforcedProfileID != "" {
		return Decision{MethodSSO, ReasonDomainEnforced, s.Domain.EnforcedProfileID}
	}
	return Decision{MethodPassword, ReasonNotEnforced, ""}
}

func TestEveryCombinationIsDecidedAsTheTableSays(t *testing.T) {
	seen := map[Decision]int{}
	for _, s := range subjects() {
		got := SignIn(s)
		seen[got]++
		if want := byTheBook(s); got != want {
			t.Errorf("%+v\n got %+v\nwant %+v", s, got, want)
		}
	}
	// Each line decides somewhere, each SSO line with both profiles.
	if len(seen) != 7 {
		t.Errorf("%d different decisions: %v", len(seen), seen)
	}
}

func TestExamplesFromLife(t *testing.T) {
	enforced := HeldDomain{"acme", DomainVerified, "P"}
	for name, c := range map[string]struct {
		s    Subject
		want Decision
	}{
		"a managed user at an enforced domain": {Subject{UserActive, "acme", SSOInherit, "", enforced}, Decision{MethodSSO, ReasonDomainEnforced, "P"}},
		"an invited one":                       {Subject{UserInvited, "acme", SSOInherit, "", enforced}, Decision{MethodSSO, ReasonDomainEnforced, "P"}},
		"an independent user there":            {Subject{UserActive, "", SSOInherit, "", enforced}, Decision{MethodPassword, ReasonNotEnforced, ""}},
		"somebody else's user there":           {Subject{UserActive, "globex", SSOInherit, "", enforced}, Decision{MethodPassword, ReasonNotEnforced, ""}},
		"an exempt user there":                 {Subject{UserActive, "acme", SSODisabled, "", enforced}, Decision{MethodPassword, ReasonSSODisabledForUser, ""}},
		"a pilot with another profile there":   {Subject{UserActive, "acme", SSOEnabled, "Q", enforced}, Decision{MethodSSO, ReasonSSOEnabledForUser, "Q"}},
		"a pilot at no held domain":            {Subject{UserActive, "acme", SSOEnabled, "Q", HeldDomain{}}, Decision{MethodSSO, ReasonSSOEnabledForUser, "Q"}},
		"deactivated wins over everything":     {Subject{UserDeactivated, "acme", SSOEnabled, "Q", enforced}, Decision{MethodNone, ReasonUserDeactivated, ""}},
		"a frozen domain keeps its way":        {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"acme", DomainFrozen, "P"}}, Decision{MethodSSO, ReasonDomainEnforced, "P"}},
		"a lapsing domain too":                 {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"acme", DomainLapsing, "P"}}, Decision{MethodSSO, ReasonDomainEnforced, "P"}},
		"a pending claim enforces nothing":     {Subject{UserActive, "acme", SSOInherit, "", HeldDomain{"acme", DomainPending, "P"}}, Decision{MethodPassword, ReasonNotEnforced, ""}},
		"nobody holds anything":                {Subject{UserActive, "", SSOInherit, "", HeldDomain{}}, Decision{MethodPassword, ReasonNotEnforced, ""}},
	} {
		if got := SignIn(c.s); got != c.want {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
	}
}

func TestAProfileIsNamedExactlyWithSSO(t *testing.T) {
	for _, s := range subjects() {
		if d := SignIn(s); (d.ProfileID != "") != (d.Method == MethodSSO) {
			t.Errorf("%+v: %+v", s, d)
		}
		if d := SignIn(s); d.Method == MethodRecovery {
			t.Errorf("%+v: recovery is no method of the policy", s)
		}
	}
}

func TestHeldIsEverythingButPending(t *testing.T) {
	got := ""
	for _, s := range []DomainStatus{"", DomainPending, DomainVerified, DomainLapsing, DomainFrozen, "other"} {
		got += fmt.Sprint(s.Held(), " ")
	}
	if want := "false false true true true false "; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

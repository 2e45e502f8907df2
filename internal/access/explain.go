package access

// A Step is one line of the policy held against a user.
type Step struct {
	Reason  Reason
	Applies bool
	// Fact is what was found of the user, and why the line applies or does not.
	Fact Fact
}

// A Fact is what a line of the policy finds of a user. The values are stable:
// they stand in the API.
type Fact string

// Facts, in the order of the lines that find them.
const (
	FactDeactivated       Fact = "deactivated"
	FactNotDeactivated    Fact = "not_deactivated"
	FactSSODisabled       Fact = "sso_disabled"
	FactSSONotDisabled    Fact = "sso_not_disabled"
	FactSSOEnabled        Fact = "sso_enabled"
	FactSSONotEnabled     Fact = "sso_not_enabled"
	FactDomainEnforced    Fact = "domain_enforced"
	FactNotManaged        Fact = "not_managed"
	FactDomainNotHeld     Fact = "domain_not_held"
	FactDomainNotEnforced Fact = "domain_not_enforced"
	FactNothingElse       Fact = "nothing_else"
)

// facts holds each with its sentence.
var facts = [...]struct {
	fact     Fact
	sentence string
}{
	{FactDeactivated, "The user is deactivated and can't sign in."},
	{FactNotDeactivated, "The user is not deactivated."},
	{FactSSODisabled, "Single sign-on is set to Disabled for this user: a password signs in, even at an enforced domain."},
	{FactSSONotDisabled, "Single sign-on is not set to Disabled for this user."},
	{FactSSOEnabled, "Single sign-on is set to Enabled for this user, with an SSO profile: only that signs in."},
	{FactSSONotEnabled, "Single sign-on is not set to Enabled for this user."},
	{FactDomainEnforced, "The domain of the address is enforced with an SSO profile: only that signs in."},
	{FactNotManaged, "No organization manages the user, so that no enforcement counts."},
	{FactDomainNotHeld, "The user's organization does not hold the domain of the address."},
	{FactDomainNotEnforced, "The domain of the address is held by the user's organization and not enforced."},
	{FactNothingElse, "Nothing above applies: a password signs in."},
}

// Facts returns all of them.
func Facts() (list []Fact) {
	for _, f := range facts {
		list = append(list, f.fact)
	}
	return list
}

// Sentence says in English what was found; empty for what is no fact.
func (f Fact) Sentence() string {
	for _, known := range facts {
		if known.fact == f {
			return known.sentence
		}
	}
	return ""
}

// Explain returns the lines that SignIn went through; the last one decided.
func Explain(s Subject) []Step {
	var steps []Step
	for _, l := range policy {
		applies := l.applies(s)
		if steps = append(steps, Step{l.reason, applies, l.fact(s, applies)}); applies {
			break
		}
	}
	return steps
}

// fact is what the line has found of a user.
func (l *line) fact(s Subject, applies bool) Fact {
	either := func(yes, no Fact) Fact {
		if applies {
			return yes
		}
		return no
	}
	switch l.reason {
	case ReasonUserDeactivated:
		return either(FactDeactivated, FactNotDeactivated)
	case ReasonSSODisabledForUser:
		return either(FactSSODisabled, FactSSONotDisabled)
	case ReasonSSOEnabledForUser:
		return either(FactSSOEnabled, FactSSONotEnabled)
	case ReasonDomainEnforced:
		return either(FactDomainEnforced, s.unenforced())
	}
	return FactNothingElse
}

// unenforced says why no enforcement counts. Who else holds a domain is nobody's
// business.
func (s Subject) unenforced() Fact {
	switch d := s.Domain; {
	case s.OrganizationID == "":
		return FactNotManaged
	case d.OrganizationID != s.OrganizationID || !d.Status.Held():
		return FactDomainNotHeld
	}
	return FactDomainNotEnforced
}

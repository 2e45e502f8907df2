package record

import (
	"fmt"
	"regexp"
	"strings"
)

// Findings about whom a message names.
const (
	FindingGuest       Finding = "guest"        // the sign-in name of a guest account: #EXT#
	FindingInternalID  Finding = "internal_id"  // a UUID
	FindingWindowsName Finding = "windows_name" // DOMAIN\user
	FindingUserID      Finding = "user_id"      // such as auth0|123
	FindingPseudonym   Finding = "pseudonym"    // a transient or persistent one
	FindingUserName    Finding = "user_name"    // without a domain
	FindingSeveral     Finding = "several"      // more than one address
	FindingSimilar     Finding = "similar"      // a user has an address like it
	FindingIndependent Finding = "independent"  // a user has it whom nobody manages
	FindingElsewhere   Finding = "elsewhere"    // a user of another organization has it
	FindingPending     Finding = "pending"      // the domain is claimed and not proved
	FindingSubDomain   Finding = "sub_domain"   // of a domain that is held
	FindingTenantName  Finding = "onmicrosoft"  // the name of an Entra tenant
)

const (
	onMicrosoft      = "onmicrosoft.com"
	guestMark        = "#EXT#"
	transientFormat  = "nameid-format:transient"
	persistentFormat = "nameid-format:persistent"
)

var uuid = regexp.MustCompile(`^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`)

func (k *problem) nameID() {
	value := strings.TrimSpace(k.check.Found)
	format := ""
	if c, ok := k.named("nameid_format"); ok {
		format = c.Found
	}
	switch upper := strings.ToUpper(value); {
	case strings.Contains(upper, guestMark):
		k.is(FindingGuest, "This is the sign-in name of a guest account."+guestMailbox(value, upper))
	case uuid.MatchString(value):
		k.is(FindingInternalID, "This is an internal id (a UUID), and no e-mail address.")
	case strings.Contains(value, `\`):
		k.is(FindingWindowsName, "This is a Windows account name, and no e-mail address.")
	case strings.Contains(value, "|") && !strings.Contains(value, "@"):
		k.is(FindingUserID, "This is the user's id at the Identity Provider, and no e-mail address.")
	case strings.HasSuffix(format, transientFormat), strings.HasSuffix(format, persistentFormat):
		k.is(FindingPseudonym, "This is a pseudonym, as its format says, and no e-mail address.")
	case value != "" && !strings.Contains(value, "@"):
		k.is(FindingUserName, "This is a user name without a domain.")
	case strings.Count(value, "@") > 1 && strings.ContainsAny(value, ",; "):
		k.is(FindingSeveral, "These are several addresses; one is needed.")
	}
}

// guestMailbox guesses whose mailbox a guest's name is: name_example.com#EXT#@….
func guestMailbox(value, upper string) string {
	local := value[:strings.Index(upper, guestMark)]
	at := strings.LastIndex(local, "_")
	if at <= 0 || !strings.Contains(local[at:], ".") {
		return ""
	}
	return fmt.Sprintf(" The guest's own address is probably %s@%s.", local[:at], local[at+1:])
}

func (k *problem) user() {
	switch p := k.Person; {
	case p.Independent:
		k.is(FindingIndependent, "A user has this address and is not managed by the organization, although its domain is verified.")
	case p.Elsewhere:
		k.is(FindingElsewhere, "The user with this address belongs to another organization.")
	case len(p.Similar) > 0:
		k.is(FindingSimilar, fmt.Sprintf("A user is known under a similar address: %s.", strings.Join(p.Similar, ", ")))
	}
}

func (k *problem) domain() {
	_, domain, _ := strings.Cut(strings.ToLower(strings.TrimSpace(k.Person.Email)), "@")
	switch p := k.Person; {
	case p.Pending:
		k.is(FindingPending, fmt.Sprintf("The organization has claimed %s, and the proof is missing.", domain))
	case p.Parent != "":
		k.is(FindingSubDomain, fmt.Sprintf("The organization holds %s. %s is a sub-domain, which counts as a domain of its own.", p.Parent, domain))
	case domain == onMicrosoft, strings.HasSuffix(domain, "."+onMicrosoft):
		k.is(FindingTenantName, fmt.Sprintf("%s is the name of an Entra tenant: this is a user principal name, and no mailbox.", domain))
	}
}

package record

import (
	"time"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// A Case is an attempt that was refused, or a test that has failed, with what is
// known beside its checks. What is zero is not known.
type Case struct {
	Code   fault.Code
	IdP    string // which product the Identity Provider is: the slug of its guide
	Checks []Check
	Time   time.Time // when the message came, by our clock
	Asked  time.Time // when the request left that it answers, by our clock

	// Of the SSO profile.
	EntityID, ACSURL string // ours
	OfferEncryption  bool
	MetadataURL      string // from which the Identity Provider's metadata is fetched
	FetchedAt        time.Time
	// Fingerprints (SHA-256, hexadecimal) of certificates that are not in use.
	Waiting, Refused, Distrusted []string
	// Clocks tells by how much the clocks of other Identity Providers were ahead
	// of ours in their last sign-ins, or those before with this one.
	Clocks []time.Duration

	Person Person
}

// A Person is what the organization's administrators may know of whom a message
// names. It is for nobody else.
type Person struct {
	Email string
	// Similar are addresses of users whom the organization manages.
	Similar []string
	// Independent and Elsewhere tell that a user has exactly this address whom
	// nobody manages, or another organization. They are told only where the
	// organization has verified the domain.
	Independent, Elsewhere bool
	// Pending tells that the organization has claimed the domain and not proved
	// it, or not any more.
	Pending bool
	// Parent is a domain that the organization holds, of which the address's is a
	// sub-domain.
	Parent string
}

// A Diagnosis says what was wrong with an attempt and what to change. Its texts
// are English; Why, Expected and Found may hold what a sender wrote.
type Diagnosis struct {
	// Finding names what the comparison has shown, for programs; empty where the
	// code says it all.
	Finding  Finding
	Why      string // the finding in a sentence, with its values
	Side     help.Side
	Field    string // the name of the field there; empty: none is known
	Fix      string
	Expected string
	Found    string
}

// A Finding is more than an error code says. The values are stable.
type Finding string

// Diagnose says what was wrong. Without a code nothing was: the Diagnosis is
// empty. It needs nothing but its argument.
func Diagnose(c Case) Diagnosis {
	if c.Code == "" {
		return Diagnosis{}
	}
	k := problem{Case: c}
	k.check, _ = Failed(c.Checks, c.Code)
	if k.check.Code != c.Code { // a warning may be what it is about
		for _, one := range c.Checks {
			if one.Code == c.Code && one.Status == saml.Warning {
				k.check = one
				break
			}
		}
	}
	if look := looks[c.Code]; look != nil {
		look(&k)
	}
	if k.why == "" {
		k.why = k.check.Note
	}
	advice := help.AdviseOn(string(c.Code), string(k.finding), c.IdP)
	if advice.Fix == "" { // no code of a sign-in with an Identity Provider
		page, _ := help.Error(string(c.Code))
		advice.Fix = help.PlainText(page.Fix)
	}
	if advice.Side == "" {
		advice.Side = help.OurSide
	}
	return Diagnosis{k.finding, k.why, advice.Side, advice.Field, advice.Fix, k.check.Expected, k.check.Found}
}

// A problem is a case that is being looked at.
type problem struct {
	Case
	check   Check // the one that failed with the code
	finding Finding
	why     string
}

func (k *problem) is(f Finding, why string) { k.finding, k.why = f, why }

// looks are what is known beside the codes. It is never changed.
var looks = map[fault.Code]func(*problem){
	fault.SAMLAudienceMismatch:    (*problem).audience,
	fault.SAMLRecipientMismatch:   (*problem).address,
	fault.SAMLDestinationMismatch: (*problem).address,
	fault.SAMLIssuerMismatch:      (*problem).issuer,
	fault.SAMLNotYetValid:         (*problem).early,
	fault.SAMLExpired:             (*problem).late,
	fault.SAMLCertificateUnknown:  (*problem).certificate,
	fault.SAMLSignatureInvalid:    (*problem).signature,
	fault.SAMLSignatureMissing:    (*problem).unsigned,
	fault.SAMLDecryptionFailed:    (*problem).decryption,
	fault.SAMLStatusNotSuccess:    (*problem).status,
	fault.SAMLRequestUnknown:      (*problem).request,
	fault.SAMLNameIDNotEmail:      (*problem).nameID,
	fault.SAMLAuthnContext:        (*problem).context,
	fault.UserNotFound:            (*problem).user,
	fault.DomainNotVerified:       (*problem).domain,
}

// named returns a check by its name, if it was reached.
func (k *problem) named(name string) (Check, bool) {
	for _, c := range k.Checks {
		if c.Name == name && c.Status != saml.NotReached {
			return c, true
		}
	}
	return Check{}, false
}

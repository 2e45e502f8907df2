package sso

import (
	"context"
	"errors"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
)

// An Enforcement is the input of [Service.Enforce] and [Service.Preview].
type Enforcement struct {
	// ProfileID is with which profile the domains are enforced; empty
	// releases them.
	ProfileID string
	// ExemptUserIDs keep their password. Nil means the acting administrator, if
	// they have one to keep and are at one of the domains.
	ExemptUserIDs []string
	EndSessions   bool // of those whom the domains decide for, but for those that the profile began
	Acknowledged  bool // the warnings were read
}

// exempt returns who is set to keep the password, each once: nobody with a
// release.
func (in *Enforcement) exempt() []string {
	if in.ProfileID == "" {
		return nil
	}
	ids := slices.Clone(in.ExemptUserIDs)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Enforce makes the managed users of domains sign in with a profile only, or
// releases them. It applies at once to all: the policy is evaluated, not
// copied. The domains belong to one organization. All of them change or none.
// Sessions are ended in the background.
func (s *Service) Enforce(ctx context.Context, actor access.Actor, domainIDs []string, in Enforcement) (list []directory.Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		in := in
		if list, err = s.enforceable(tx, actor, domainIDs, &in); err != nil {
			return err
		}
		warnings, _, err := s.warnings(tx, list, in)
		if err != nil {
			return err
		}
		if len(warnings) > 0 && !in.Acknowledged {
			return acknowledge(warnings)
		}
		return s.enforce(tx, list, in)
	})
	return list, err
}

func (s *Service) enforce(tx *db.Tx, list []directory.Domain, in Enforcement) error {
	for _, userID := range in.exempt() {
		if err := s.directory.Exempt(tx, list[0].OrganizationID, userID); err != nil {
			return err
		}
	}
	ends := in.EndSessions && in.ProfileID != ""
	var details []audit.Change
	if ends {
		details = []audit.Change{{Field: "end_sessions", New: true}}
	}
	for i := range list {
		if err := s.directory.SetEnforcement(tx, &list[i], in.ProfileID, details...); err != nil {
			return err
		}
	}
	if !ends {
		return nil
	}
	return s.endSessionsLater(tx, list)
}

// enforceable reads the domains and checks all that an enforcement needs.
func (s *Service) enforceable(tx *db.Tx, actor access.Actor, domainIDs []string, in *Enforcement) ([]directory.Domain, error) {
	var list []directory.Domain
	for _, domainID := range domainIDs {
		d, err := s.directory.Domain(tx, actor, access.ActEnforce, domainID)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && d.OrganizationID != list[0].OrganizationID {
			return nil, fault.Invalid(fault.Field{Name: "domain_ids", Message: "holds domains of several organizations"})
		}
		if !slices.ContainsFunc(list, func(o directory.Domain) bool { return o.ID == d.ID }) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil, fault.Invalid(fault.Field{Name: "domain_ids", Message: "is empty"})
	}
	if in.ProfileID == "" {
		return list, nil // a release needs nothing
	}
	organizationID := list[0].OrganizationID
	if err := s.requireSSO(tx, organizationID); err != nil {
		return nil, err
	}
	if any, err := (Checker{}).Exist(tx, organizationID); err != nil {
		return nil, err
	} else if !any {
		return nil, fault.New(fault.SSOProfileMissing, "The organization has no SSO profile yet.")
	}
	if err := (Checker{}).Usable(tx, organizationID, in.ProfileID); err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.Status != access.DomainVerified && (d.ProfileID == "" || !d.Status.Held()) {
			return nil, fault.Newf(fault.DomainNotVerified, "The domain %s is not verified.", d.Name)
		}
	}
	if in.ExemptUserIDs == nil {
		var err error
		if in.ExemptUserIDs, err = s.exemptByDefault(tx, actor, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// exemptByDefault returns the acting administrator, if they sign in with a
// password that they would lose.
func (s *Service) exemptByDefault(tx *db.Tx, actor access.Actor, list []directory.Domain) ([]string, error) {
	if actor.Kind != access.KindUser {
		return nil, nil
	}
	u, err := s.directory.UserByID(tx, actor.ID)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil || u.OrganizationID != list[0].OrganizationID || !covered(list, &u) {
		return nil, err
	}
	d, err := s.directory.SignIn(tx, &u)
	if err != nil || d.Method != access.MethodPassword {
		return nil, err
	}
	return []string{u.ID}, nil
}

// covered reports whether a user's address is at one of the domains.
func covered(list []directory.Domain, u *directory.User) bool {
	return slices.ContainsFunc(list, func(d directory.Domain) bool { return d.Name == u.Domain })
}

// WarnNoOwner is the warning that no owner would be left who can get in without
// the Identity Provider.
const WarnNoOwner = "no_owner_without_sso"

// warnings tells what an enforcement could do that nobody wants, and how many
// owners could still get in without the Identity Provider: with a password, or
// with a recovery code.
func (s *Service) warnings(tx *db.Tx, list []directory.Domain, in Enforcement) (warnings []Warning, left int64, err error) {
	warnings = []Warning{}
	owners, err := s.directory.ActiveOwners(tx, list[0].OrganizationID)
	if err != nil {
		return nil, 0, err
	}
	for _, o := range owners {
		after, err := s.after(tx, list, &in, &o)
		if err != nil {
			return nil, 0, err
		}
		without, err := withoutIdP(tx, &o, after)
		if err != nil {
			return nil, 0, err
		}
		if without {
			left++
		}
	}
	if len(owners) > 0 && left == 0 && in.ProfileID != "" {
		warnings = append(warnings, Warning{WarnNoOwner,
			"No owner could sign in without the Identity Provider, and none has a recovery code. If it fails, only a rescue by the operator helps."})
	}
	return warnings, left, nil
}

// after decides how a user signs in after an enforcement.
func (s *Service) after(tx *db.Tx, list []directory.Domain, in *Enforcement, u *directory.User) (access.Decision, error) {
	subject, err := s.directory.Subject(tx, u)
	if slices.Contains(in.exempt(), u.ID) {
		subject.SSO, subject.SSOProfileID = access.SSODisabled, ""
	}
	for _, d := range list {
		if d.Name == u.Domain && subject.Domain.OrganizationID == d.OrganizationID {
			subject.Domain.EnforcedProfileID = in.ProfileID
		}
	}
	return access.SignIn(subject), err
}

func acknowledge(warnings []Warning) error {
	f := fault.New(fault.AcknowledgementRequired, "")
	for _, w := range warnings {
		f.Detail += w.Detail + " "
		f.Fields = append(f.Fields, fault.Field{Name: w.Code, Message: w.Detail})
	}
	f.Detail += "Send acknowledge: true to go on."
	return f
}

// A Preview tells what an enforcement would do. Total is the sum of ToSSO,
// KeepPassword, Enabled and Deactivated.
type Preview struct {
	Total        int64 // users at the domains whom the organization manages
	ToSSO        int64 // who will sign in as the domain says
	KeepPassword int64
	Enabled      int64 // who sign in with SSO by their own setting, as before
	Deactivated  int64
	NeverActive  int64 // of all these: who were invited and never came
	Changed      int64 // whose way of signing in becomes another one
	Independent  int64 // at the domains and managed by nobody: they keep their password
	OwnersLeft   int64 // who can get in without the Identity Provider
	Self         bool  // the acting administrator is among those who change
	// Exempt are those who are set to keep their password.
	Exempt   []string
	Warnings []Warning
}

// Preview tells what an enforcement would do, and changes nothing. What would
// refuse the enforcement refuses the preview.
func (s *Service) Preview(ctx context.Context, actor access.Actor, domainIDs []string, in Enforcement) (out Preview, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		out = Preview{}
		in := in
		list, err := s.enforceable(tx, actor, domainIDs, &in)
		if err != nil {
			return err
		}
		if err := s.count(tx, list, &in, &out); err != nil {
			return err
		}
		for _, userID := range in.exempt() {
			if err := s.countExempt(tx, list, userID, &out, &in); err != nil {
				return err
			}
		}
		if in.ProfileID == "" {
			out.KeepPassword, out.ToSSO = out.KeepPassword+out.ToSSO, 0
		}
		if out.Self, err = s.changesSelf(tx, actor, list, &in); err != nil {
			return err
		}
		out.Exempt = in.exempt()
		out.Warnings, out.OwnersLeft, err = s.warnings(tx, list, in)
		return err
	})
	return out, err
}

// count adds up the users at the domains, as if nobody were exempted.
func (s *Service) count(tx *db.Tx, list []directory.Domain, in *Enforcement, out *Preview) error {
	for _, d := range list {
		c, err := s.directory.CountAtDomain(tx, &d)
		if err != nil {
			return err
		}
		out.Total += c.Total
		out.ToSSO += c.Inherit
		out.KeepPassword += c.Disabled
		out.Enabled += c.Enabled
		out.Deactivated += c.Deactivated
		out.NeverActive += c.NeverActive
		out.Independent += c.Independent
		if d.ProfileID != in.ProfileID {
			out.Changed += c.Inherit
		}
	}
	return nil
}

// countExempt moves a user who is exempted from where count has put them.
func (s *Service) countExempt(tx *db.Tx, list []directory.Domain, userID string, out *Preview, in *Enforcement) error {
	u, err := s.directory.UserByID(tx, userID)
	if err != nil || u.OrganizationID != list[0].OrganizationID {
		return fault.Invalid(fault.Field{Name: "exempt_user_ids", Message: "holds a user whom the organization does not manage"})
	}
	if u.Status == access.UserDeactivated {
		return nil // and stays so
	}
	before, err := s.directory.SignIn(tx, &u)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Name != u.Domain {
			continue
		}
		switch u.SSO {
		case access.SSOInherit:
			out.ToSSO--
			out.KeepPassword++
			if d.ProfileID != in.ProfileID {
				out.Changed--
			}
		case access.SSOEnabled:
			out.Enabled--
			out.KeepPassword++
		}
	}
	if before.Method != access.MethodPassword {
		out.Changed++
	}
	return nil
}

// changesSelf reports whether the way of the one who asks changes.
func (s *Service) changesSelf(tx *db.Tx, actor access.Actor, list []directory.Domain, in *Enforcement) (bool, error) {
	if actor.Kind != access.KindUser {
		return false, nil
	}
	u, err := s.directory.UserByID(tx, actor.ID)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	before, err := s.directory.SignIn(tx, &u)
	if err != nil {
		return false, err
	}
	after, err := s.after(tx, list, in, &u)
	return before.Method != after.Method || before.ProfileID != after.ProfileID, err
}

// PreviewAll is [Service.Preview] for several domains of one organization.
func (s *Service) PreviewAll(ctx context.Context, actor access.Actor, organizationID string, domainIDs []string, in Enforcement) (Preview, error) {
	if err := s.domainsOf(ctx, actor, organizationID, domainIDs); err != nil {
		return Preview{}, err
	}
	return s.Preview(ctx, actor, domainIDs, in)
}

// EnforceAll is [Service.Enforce] for several domains of one organization.
func (s *Service) EnforceAll(ctx context.Context, actor access.Actor, organizationID string, domainIDs []string, in Enforcement) ([]directory.Domain, error) {
	if err := s.domainsOf(ctx, actor, organizationID, domainIDs); err != nil {
		return nil, err
	}
	return s.Enforce(ctx, actor, domainIDs, in)
}

// domainsOf refuses domains that are not the organization's.
func (s *Service) domainsOf(ctx context.Context, actor access.Actor, organizationID string, domainIDs []string) error {
	if err := authorize(actor, access.ActEnforce, organizationID); err != nil {
		return err
	}
	return s.db.View(ctx, func(tx *db.Tx) error {
		for _, domainID := range domainIDs {
			if _, err := s.directory.DomainOf(tx, organizationID, domainID); err != nil {
				return fault.Invalid(fault.Field{Name: "domain_ids", Message: "holds a domain that is not the organization's"})
			}
		}
		return nil
	})
}

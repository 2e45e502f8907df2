package sso

import (
	"context"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
)

// An Enforcement is the input of [Service.Enforce] and [Service.Preview].
type Enforcement struct {
	// ProfileID is with which profile the domains are enforced; empty
	// releases them.
	ProfileID string
	// ExemptUserIDs keep their password. Nil means the acting administrator.
	ExemptUserIDs []string
	EndSessions   bool // of those whose way of signing in changes
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
func (s *Service) Enforce(ctx context.Context, actor access.Actor, domainIDs []string, in Enforcement) (list []directory.Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if list, err = s.enforceable(tx, actor, domainIDs, &in); err != nil {
			return err
		}
		warnings, err := s.warnings(tx, list, in)
		if err != nil {
			return err
		}
		if len(warnings) > 0 && !in.Acknowledged {
			return acknowledge(warnings)
		}
		for _, userID := range in.exempt() {
			if err := s.directory.Exempt(tx, list[0].OrganizationID, userID); err != nil {
				return err
			}
		}
		for i := range list {
			if err := s.directory.SetEnforcement(tx, &list[i], in.ProfileID); err != nil {
				return err
			}
			if in.EndSessions && in.ProfileID != "" {
				if _, err := s.directory.EndSessionsAtDomain(tx, &list[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
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
	if in.ExemptUserIDs == nil && actor.Kind == access.KindUser && actor.OrganizationID == organizationID {
		in.ExemptUserIDs = []string{actor.ID}
	}
	return list, nil
}

// WarnNoOwner is the warning that no owner would be left who can sign in
// without the Identity Provider.
const WarnNoOwner = "no_owner_without_sso"

// warnings tells what an enforcement could do that nobody wants.
func (s *Service) warnings(tx *db.Tx, list []directory.Domain, in Enforcement) ([]Warning, error) {
	warnings := []Warning{}
	if in.ProfileID == "" {
		return warnings, nil
	}
	owners, err := s.directory.ActiveOwners(tx, list[0].OrganizationID)
	if err != nil {
		return nil, err
	}
	left := 0
	for _, o := range owners {
		d, err := s.directory.SignIn(tx, &o)
		if err != nil {
			return nil, err
		}
		covered := slices.ContainsFunc(list, func(d directory.Domain) bool { return d.Name == o.Domain })
		keeps := o.SSO == access.SSODisabled || slices.Contains(in.ExemptUserIDs, o.ID)
		if d.Method == access.MethodPassword && (!covered || keeps) || keeps {
			left++
		}
	}
	if len(owners) > 0 && left == 0 {
		warnings = append(warnings, Warning{WarnNoOwner,
			"No owner could sign in without the Identity Provider. If it fails, only a rescue by the operator helps."})
	}
	return warnings, nil
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

// A Preview tells what an enforcement would do.
type Preview struct {
	Total, ToSSO, KeepPassword, NeverActive int64
	Warnings                                []Warning
}

// Preview tells what an enforcement would do, and changes nothing. What would
// refuse the enforcement refuses the preview.
func (s *Service) Preview(ctx context.Context, actor access.Actor, domainIDs []string, in Enforcement) (out Preview, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		out = Preview{}
		list, err := s.enforceable(tx, actor, domainIDs, &in)
		if err != nil {
			return err
		}
		for _, d := range list {
			c, err := s.directory.CountAtDomain(tx, &d)
			if err != nil {
				return err
			}
			out.Total += c.Total
			out.ToSSO += c.Inherit
			out.KeepPassword += c.KeepPassword
			out.NeverActive += c.NeverActive
		}
		for _, userID := range in.exempt() {
			u, err := s.directory.UserByID(tx, userID)
			if err != nil || u.OrganizationID != list[0].OrganizationID {
				return fault.Invalid(fault.Field{Name: "exempt_user_ids", Message: "holds a user whom the organization does not manage"})
			}
			covered := slices.ContainsFunc(list, func(d directory.Domain) bool { return d.Name == u.Domain })
			if !covered || u.SSO == access.SSODisabled || u.Status == access.UserDeactivated {
				continue // counted as it will be, or not at all
			}
			if out.KeepPassword++; u.SSO == access.SSOInherit {
				out.ToSSO--
			}
		}
		if in.ProfileID == "" {
			out.KeepPassword, out.ToSSO = out.KeepPassword+out.ToSSO, 0
		}
		out.Warnings, err = s.warnings(tx, list, in)
		return err
	})
	return out, err
}

// EnforceAll is [Service.Enforce] for several domains of one organization.
func (s *Service) EnforceAll(ctx context.Context, actor access.Actor, organizationID string, domainIDs []string, in Enforcement) ([]directory.Domain, error) {
	if err := authorize(actor, access.ActEnforce, organizationID); err != nil {
		return nil, err
	}
	err := s.db.View(ctx, func(tx *db.Tx) error {
		for _, domainID := range domainIDs {
			d, err := s.directory.Domain(tx, actor, access.ActEnforce, domainID)
			if err != nil || d.OrganizationID != organizationID {
				return fault.Invalid(fault.Field{Name: "domain_ids", Message: "holds a domain that is not the organization's"})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.Enforce(ctx, actor, domainIDs, in)
}

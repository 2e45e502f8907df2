package directory

import (
	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
)

// These write to people, in the transaction of what they tell.

// Write writes a letter to a user, in the user's language.
func (s *Service) Write(tx *db.Tx, u *User, l outbox.Letter) error {
	var err error
	if l.Language, err = languageOf(tx, u.ID); err != nil {
		return err
	}
	l.To = u.Email
	return s.mails.Mail(tx, l)
}

// ActiveAdministrators returns the owners and administrators of an organization
// who can sign in.
func (s *Service) ActiveAdministrators(tx *db.Tx, organizationID string) ([]User, error) {
	return activeAdministrators(tx, organizationID)
}

// SetLanguage remembers in which language a user reads, if pages and mails are
// written in it.
func (s *Service) SetLanguage(tx *db.Tx, userID, language string) error {
	if language == "" {
		return nil
	}
	return setLanguage(tx, userID, language)
}

// Invite mails an invited user the link with which the account is set up.
// Earlier ones end.
func (s *Service) Invite(tx *db.Tx, u *User) error {
	if err := s.links.End(tx, link.Invitation, u.ID); err != nil {
		return err
	}
	url, until, err := s.links.Issue(tx, link.Invitation, u.ID)
	if err != nil {
		return err
	}
	l := outbox.Letter{Kind: outbox.Welcome, Link: url, Until: until, Values: outbox.Values{"until": until}}
	if u.OrganizationID != "" {
		o, err := s.OrganizationByID(tx, u.OrganizationID)
		if err != nil {
			return err
		}
		d, err := s.SignIn(tx, u)
		if err != nil {
			return err
		}
		l.Kind, l.Values["organization"] = outbox.Invitation, o.Name
		if d.Method == access.MethodSSO && !o.InitialPassword {
			l.Kind = outbox.InvitationSSO
		}
	}
	return s.Write(tx, u, l)
}

// ask mails the owner of an address the link with which an invitation is
// accepted. Earlier ones end.
func (s *Service) ask(tx *db.Tx, i *Invitation) error {
	o, err := s.OrganizationByID(tx, i.OrganizationID)
	if err != nil {
		return err
	}
	language, err := invitationLanguage(tx, i.ID)
	if err != nil {
		return err
	}
	if err := s.links.End(tx, link.Invitation, i.ID); err != nil {
		return err
	}
	url, until, err := s.links.Issue(tx, link.Invitation, i.ID)
	if err != nil {
		return err
	}
	return s.mails.Mail(tx, outbox.Letter{Kind: outbox.InvitationAsk, To: i.Email, Language: language, Link: url, Until: until,
		Values: outbox.Values{"organization": o.Name, "until": until}})
}

// tellManaged tells a known user who manages them now.
func (s *Service) tellManaged(tx *db.Tx, u *User) error {
	o, err := s.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	way, err := s.wayIn(tx, u)
	if err != nil {
		return err
	}
	return s.Write(tx, u, outbox.Letter{Kind: outbox.Managed, Link: way, Values: outbox.Values{"organization": o.Name}})
}

// tellRole tells an active user of another organization role.
func (s *Service) tellRole(tx *db.Tx, u *User) error {
	if u.Status != access.UserActive {
		return nil
	}
	o, err := s.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	return s.Write(tx, u, outbox.Letter{Kind: outbox.RoleChanged, Link: s.cfg.BaseURL + "/",
		Values: outbox.Values{"organization": o.Name, "role": outbox.Word("role." + string(u.Role))}})
}

// wayIn is where a user signs in: the Identity Provider's page or ours.
func (s *Service) wayIn(tx *db.Tx, u *User) (string, error) {
	d, err := s.SignIn(tx, u)
	if d.Method == access.MethodSSO {
		return s.StartURL(d.ProfileID), err
	}
	return s.cfg.BaseURL + "/login", err
}

// StartURL is where a sign-in with a profile begins.
func (s *Service) StartURL(profileID string) string {
	return s.cfg.BaseURL + "/saml/" + profileID + "/start"
}

// AdminURL is where an organization's Admin Center begins.
func (s *Service) AdminURL(organizationID string) string {
	return s.cfg.BaseURL + "/admin/" + organizationID
}

// WriteOperator writes a letter to the operator.
func (s *Service) WriteOperator(tx *db.Tx, l outbox.Letter) error {
	l.To = s.cfg.OperatorMail
	return s.mails.Mail(tx, l)
}

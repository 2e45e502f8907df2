package directory

import (
	"context"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/search"
)

// What lists are made of, in the search index.
const (
	kindUser       = "user"
	kindInvitation = "invitation"
)

// indexed is what the search index holds of a row: the zero value if nothing.
type indexed struct {
	organizationID string
	class          search.Class
	words          string // with spaces between
}

func (x indexed) entry(rowID string) *search.Entry {
	return &search.Entry{OrganizationID: x.organizationID, ID: age(rowID), Class: x.class, Words: strings.Fields(x.words)}
}

// age is the part of an id that sorts users and invitations together.
func age(rowID string) string { return rowID[min(len(rowID), len("usr_")):] }

// reindex brings the search index from what it holds of a row to what it should
// hold, in the transaction that changes the row.
func reindex(tx *db.Tx, rowID string, old, new indexed) error {
	if old == new {
		return nil
	}
	if old != (indexed{}) {
		if err := search.Remove(tx, old.entry(rowID)); err != nil {
			return err
		}
	}
	if new == (indexed{}) {
		return nil
	}
	return search.Put(tx, new.entry(rowID))
}

// searched is what the index should hold of the user: nothing of an independent
// one, whom no list shows.
func (u *User) searched() indexed {
	if u.OrganizationID == "" {
		return indexed{}
	}
	return indexed{u.OrganizationID,
		search.Class{Kind: kindUser, Domain: u.Domain, Status: string(u.Status), Role: string(u.Role), SSO: string(u.SSO)},
		searchWords(u.Name, u.Key)}
}

func (i *Invitation) searched() indexed {
	return indexed{i.OrganizationID,
		search.Class{Kind: kindInvitation, Domain: i.Domain, Status: string(access.UserInvited), Role: string(i.Role), SSO: string(access.SSOInherit)},
		searchWords(i.Name, i.Key)}
}

func searchWords(name, key string) string {
	return strings.Join(search.Words(name, key[:strings.LastIndexByte(key, '@')]), " ")
}

// A UserQuery selects users of an organization and its invitations, newest
// first.
type UserQuery struct {
	OrganizationID string
	// Text holds words, each the beginning of a word of the name, of the
	// address or of its domain. At most 8 of them.
	Text   string
	Status access.UserStatus // invitations count as invited
	Role   access.Role
	SSO    access.SSOSetting
	Domain string
	// WithoutSSO selects users who do not sign in by SSO, and Reason those whose
	// way of signing in has it: by what the policy decides now.
	WithoutSSO bool
	Reason     access.Reason
	Page
}

// unfiltered reports whether the query asks for all.
func (q *UserQuery) unfiltered() bool {
	return strings.TrimSpace(q.Text) == "" && q.Status == "" && q.Role == "" && q.SSO == "" && q.Domain == "" && !q.WithoutSSO && q.Reason == ""
}

// fits returns which classes hold those whom the policy's decision selects; nil
// if the query does not ask for it. A class has all that decides.
func (s *Service) fits(tx *db.Tx, q *UserQuery) (func(search.Class) bool, error) {
	if !q.WithoutSSO && q.Reason == "" {
		return nil, nil
	}
	held := map[string]access.HeldDomain{}
	for page := (Page{Limit: 200}); ; {
		list, err := domains(tx, q.OrganizationID, page)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			held[d.Name] = d.held()
			page.After = d.ID
		}
		if len(list) < page.Limit {
			break
		}
	}
	return func(c search.Class) bool {
		d := access.SignIn(access.Subject{Status: access.UserStatus(c.Status), OrganizationID: q.OrganizationID,
			SSO: access.SSOSetting(c.SSO), SSOProfileID: "some", Domain: held[c.Domain]})
		return c.Kind == kindUser && (!q.WithoutSSO || d.Method != access.MethodSSO) && (q.Reason == "" || d.Reason == q.Reason)
	}, nil
}

// A UserList is a page of a list of users.
type UserList struct {
	Items []UserView
	// Next is where the list goes on; empty at its end. It decides, not the
	// number of items: a search may have to stop for breath.
	Next string
}

// Users lists the managed users of an organization and its invitations.
func (s *Service) Users(ctx context.Context, actor access.Actor, q UserQuery) (list UserList, err error) {
	if err := authorize(actor, access.ActUserRead, q.OrganizationID); err != nil {
		return list, err
	}
	if q.Domain != "" {
		if q.Domain, err = ParseDomainName(q.Domain); err != nil {
			return list, fault.Invalid(fault.Field{Name: "domain", Message: "is not a domain name, such as example.com"})
		}
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if q.unfiltered() {
			list, err = s.allUsers(tx, q)
		} else {
			list, err = s.findUsers(tx, q)
		}
		return err
	})
	return list, err
}

func (s *Service) allUsers(tx *db.Tx, q UserQuery) (list UserList, err error) {
	ask := q.Page
	ask.Limit++
	managed, err := users(tx, q.OrganizationID, ask)
	if err != nil {
		return list, err
	}
	invited, err := invitations(tx, q.OrganizationID, ask)
	if err != nil {
		return list, err
	}
	if list.Items, err = s.views(tx, managed, invited); err != nil {
		return list, err
	}
	if len(list.Items) > q.Limit {
		list.Items = list.Items[:q.Limit]
		list.Next = list.Items[q.Limit-1].Cursor()
	}
	return list, nil
}

func (s *Service) findUsers(tx *db.Tx, q UserQuery) (list UserList, err error) {
	fits, err := s.fits(tx, &q)
	if err != nil {
		return list, err
	}
	found, err := search.Find(tx, search.Query{
		OrganizationID: q.OrganizationID, Fits: fits, Text: q.Text, Before: q.After, Limit: q.Limit,
		Class: search.Class{Domain: q.Domain, Status: string(q.Status), Role: string(q.Role), SSO: string(q.SSO)},
	})
	if err != nil {
		return list, err
	}
	var userIDs, invitationIDs []string
	for _, h := range found.Hits {
		if h.Kind == kindUser {
			userIDs = append(userIDs, string(id.User)+"_"+h.ID)
		} else {
			invitationIDs = append(invitationIDs, string(id.Invitation)+"_"+h.ID)
		}
	}
	managed, err := usersByID(tx, q.OrganizationID, userIDs)
	if err != nil {
		return list, err
	}
	invited, err := invitationsByID(tx, q.OrganizationID, invitationIDs)
	if err != nil {
		return list, err
	}
	list.Items, err = s.views(tx, managed, invited)
	list.Next = found.Next
	return list, err
}

// views shows users and invitations in one list. It asks for each domain's
// holder once.
func (s *Service) views(tx *db.Tx, managed []User, invited []Invitation) ([]UserView, error) {
	list := make([]UserView, 0, len(managed)+len(invited))
	holders := map[string]access.HeldDomain{}
	for _, u := range managed {
		held, known := holders[u.Domain]
		if !known {
			d, _, err := s.Holder(tx, u.Domain)
			if err != nil {
				return nil, err
			}
			held = d.held()
			holders[u.Domain] = held
		}
		list = append(list, UserView{User: u, SignIn: access.SignIn(subjectAt(&u, held))})
	}
	for _, i := range invited {
		list = append(list, UserView{Invitation: &i})
	}
	slices.SortFunc(list, func(a, b UserView) int { return strings.Compare(b.Cursor(), a.Cursor()) })
	return list, nil
}

// Cursor is where a list goes on behind this user.
func (v UserView) Cursor() string {
	if v.Invitation != nil {
		return age(v.Invitation.ID)
	}
	return age(v.User.ID)
}

// indexBatch bounds one transaction of [Service.Index].
const indexBatch = 200

// Index puts rows into the search index that an earlier release has written,
// which knew of none.
func (s *Service) Index(ctx context.Context) error {
	for {
		var us []User
		var is []Invitation
		read := func(tx *db.Tx) (err error) {
			if us, err = unsearchedUsers(tx, indexBatch); err == nil {
				is, err = unsearchedInvitations(tx, indexBatch)
			}
			return err
		}
		if err := s.db.View(ctx, read); err != nil || len(us)+len(is) == 0 {
			return err
		}
		err := s.db.Update(ctx, access.System("index"), func(tx *db.Tx) error {
			tx.Recorded() // nothing changes that anybody was told
			if err := read(tx); err != nil {
				return err
			}
			for n := range us {
				if err := updateUser(tx, &us[n]); err != nil {
					return err
				}
			}
			for n := range is {
				if err := indexInvitation(tx, &is[n]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

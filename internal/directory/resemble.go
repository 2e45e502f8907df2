package directory

import (
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/search"
)

// A Resemblance is what an organization's administrators may know of an address
// that is none of its users'.
type Resemblance struct {
	// Similar are addresses of users whom the organization manages, at most
	// [maxSimilar] of them.
	Similar []string
	// Independent and Elsewhere tell of a user with exactly this address: nobody
	// manages them, or another organization. They are told where the domain is
	// verified now.
	Independent, Elsewhere bool
	// Pending tells that the organization has claimed the domain and does not
	// hold it.
	Pending bool
	// Parent is a domain that the organization holds, of which the address's is a
	// sub-domain.
	Parent string
}

// Limits of looking for similar addresses.
const (
	maxSimilar = 3
	maxAlike   = 5  // so many that are found by words are no coincidence any more
	maxElse    = 20 // other domains of the organization that are tried
)

// Resembling tells what an organization may know of an address that was vouched
// for and is none of its users'. It asks for no more than a few hundred addresses
// by their keys and for one page of a search, however many users there are. For
// what is no address it is empty.
func (s *Service) Resembling(tx *db.Tx, organizationID, email string) (r Resemblance, err error) {
	a, err := ParseAddress(email)
	if err != nil {
		return r, nil
	}
	claims, err := s.DomainsOf(tx, organizationID)
	if err != nil {
		return r, err
	}
	var held []string
	verified := false
	for _, d := range claims {
		own := d.Name == a.Domain
		verified = verified || own && d.Status == access.DomainVerified
		r.Pending = r.Pending || own && !d.Status.Held()
		if d.Status.Held() && !own {
			held = append(held, d.Name)
			if strings.HasSuffix(a.Domain, "."+d.Name) && len(d.Name) > len(r.Parent) {
				r.Parent = d.Name
			}
		}
	}
	if verified {
		u, known, err := s.UserByAddress(tx, a)
		if err != nil {
			return r, err
		}
		r.Independent = known && u.OrganizationID == ""
		r.Elsewhere = known && u.OrganizationID != "" && u.OrganizationID != organizationID
	}
	r.Similar, err = similar(tx, organizationID, a, held)
	return r, err
}

// similar finds users of the organization whose address or name is like an
// address: those whose address is one that people make of it first.
func similar(tx *db.Tx, organizationID string, a Address, domains []string) (found []string, err error) {
	local := a.Key[:strings.LastIndexByte(a.Key, '@')]
	var keys []string
	for _, domain := range append([]string{a.Domain}, domains[:min(len(domains), maxElse)]...) {
		for _, l := range localParts(local) {
			if key := l + "@" + domain; key != a.Key {
				keys = append(keys, key)
			}
		}
	}
	users, err := usersByKey(tx, keys)
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		if users, err = namedLike(tx, organizationID, local); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(users, func(x, y User) int { return strings.Compare(x.Key, y.Key) })
	for _, u := range users {
		if u.OrganizationID == organizationID && u.Key != a.Key && len(found) < maxSimilar {
			found = append(found, u.Email)
		}
	}
	return found, nil
}

// localParts are the local parts that people and directories make of one.
func localParts(local string) []string {
	plain, _, _ := strings.Cut(local, "+")
	all := []string{local, plain, strings.ReplaceAll(plain, ".", ""), strings.ReplaceAll(plain, ".", "_"), strings.ReplaceAll(plain, ".", "-"),
		strings.NewReplacer("_", ".", "-", ".").Replace(plain)}
	parts := strings.FieldsFunc(plain, func(r rune) bool { return strings.ContainsRune("._-", r) })
	if len(parts) == 2 {
		first, last := parts[0], parts[1]
		initial := string([]rune(first)[:1])
		all = append(all, last+"."+first, last+first, initial+last, initial+"."+last, last+initial, last, first)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(l string) bool { return l == "" || strings.Trim(l, ".") != l })
}

// namedLike finds users whose name or address has words that begin like those of
// a local part; none if that fits many.
func namedLike(tx *db.Tx, organizationID, local string) ([]User, error) {
	var words []string
	for _, w := range strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune("._-+", r) }) {
		if len(w) >= 3 && len(words) < 3 {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return nil, nil
	}
	page, err := search.Find(tx, search.Query{OrganizationID: organizationID, Class: search.Class{Kind: kindUser}, Text: strings.Join(words, " "), Limit: maxAlike})
	if err != nil || page.Next != "" {
		return nil, err
	}
	var ids []string
	for _, h := range page.Hits {
		ids = append(ids, string(id.User)+"_"+h.ID)
	}
	return usersByID(tx, organizationID, ids)
}

package signin

import (
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/saml"
)

// Checks of attempts that no Identity Provider has to do with. What was typed
// stands in none of them.

// rateCheck tells whether there were too many wrong ones before.
func rateCheck(limited bool) record.Check {
	c := record.Check{Name: record.CheckRate, Code: fault.RateLimited, Status: saml.Passed, Expected: "not too many failed sign-ins before"}
	if limited {
		c.Status, c.Found, c.Note = saml.Failed, "too many", "the password was not looked at"
	}
	return c
}

// passwordCheck tells whether the password was the user's.
func passwordCheck(u *directory.User, right bool) record.Check {
	c := record.Check{Name: record.CheckPassword, Code: fault.CredentialsInvalid, Status: saml.Passed, Expected: "the user's password"}
	switch {
	case right:
		c.Found = "the user's password"
	case u.ID == "":
		c.Status, c.Found, c.Note = saml.Failed, "nobody has the address that was typed", ""
	case !u.HasPassword():
		c.Status, c.Found, c.Note = saml.Failed, "the user has no password", ""
	default:
		c.Status, c.Found, c.Note = saml.Failed, "another password", ""
	}
	return c
}

// userCheck tells whether the policy lets a user in with a password.
func userCheck(u *directory.User) record.Check {
	return record.Check{Name: record.CheckUser, Code: fault.SSORequired, Status: saml.Passed, Expected: "an active user who signs in with a password", Found: found(u)}
}

// userRefused is userCheck for a user who is not let in.
func userRefused(u *directory.User, f *fault.Error) record.Check {
	c := userCheck(u)
	c.Code, c.Status, c.Note = f.Code, saml.Failed, f.Detail
	return c
}

// pageRefused tells why a page between a good sign-in and its session led to none.
func pageRefused(u *directory.User, f *fault.Error) record.Check {
	switch f.Code {
	case fault.LinkUsed, fault.LinkExpired:
		return linkRefused(f)
	}
	return userRefused(u, f)
}

// linkRefused tells why a link, or a page, was not good for a sign-in.
func linkRefused(f *fault.Error) record.Check {
	c := record.Check{Name: record.CheckLink, Code: f.Code, Status: saml.Failed, Expected: "one that is used in time, once, and in its own browser", Note: f.Detail}
	if c.Found = "one that is over, taken back, or another browser's"; f.Code == fault.LinkUsed {
		c.Found = "one that was used before"
	}
	return c
}

func found(u *directory.User) string {
	if u.ID == "" {
		return ""
	}
	return u.Email + ", " + string(u.Status)
}

// codeRefused tells why a recovery code was refused.
func codeRefused(known bool) record.Check {
	c := record.Check{Name: record.CheckCode, Code: fault.RecoveryCodeInvalid, Status: saml.Failed,
		Expected: "an unused recovery code of an active owner", Found: "another code, a used one, or no owner"}
	if !known {
		c.Found = "nobody has the address that was typed"
	}
	return c
}

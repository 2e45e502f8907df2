package access

// Break-glass: an owner whom the usual ways don't let in any more gets a session
// by a code or by the operator's hand. It is for repairing what is broken, and
// for nothing else. What it opens is decided here, for every door.

// Recovers reports whether a user may use recovery codes and links, and keep the
// session that one of them began: owners who are active.
func Recovers(role Role, status UserStatus) bool {
	return role == RoleOwner && status == UserActive
}

// A Room is a part of Sallyport that a session may open.
type Room string

const (
	RoomAdmin    Room = "admin"    // the Admin Center
	RoomSecurity Room = "security" // the user's own security page
	RoomConsole  Room = "console"  // what users do from day to day
	RoomProvider Room = "provider" // the identity handed on to other programs
)

// Opens reports whether a session that was begun by a method opens a room: one
// of a recovery opens the Admin Center and the security page. What is asked for
// inside is another question; see [May].
func Opens(m Method, r Room) bool {
	return m != MethodRecovery || r == RoomAdmin || r == RoomSecurity
}

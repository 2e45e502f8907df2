package access

import "testing"

// TestWhatARecoveryOpens is the sentence of the product: the Admin Center and
// the owner's security page, nothing else, also of what comes later.
func TestWhatARecoveryOpens(t *testing.T) {
	rooms := []Room{RoomAdmin, RoomSecurity, RoomConsole, RoomProvider, "", "something new"}
	for _, room := range rooms {
		for _, m := range []Method{MethodPassword, MethodSSO} {
			if !Opens(m, room) {
				t.Errorf("%s does not open %q", m, room)
			}
		}
		if got, want := Opens(MethodRecovery, room), room == RoomAdmin || room == RoomSecurity; got != want {
			t.Errorf("a recovery opens %q: %v", room, got)
		}
	}
}

func TestWhoRecovers(t *testing.T) {
	for _, role := range []Role{RoleOwner, RoleAdministrator, RoleMember, "", "king"} {
		for _, status := range []UserStatus{UserInvited, UserActive, UserDeactivated, ""} {
			if got, want := Recovers(role, status), role == RoleOwner && status == UserActive; got != want {
				t.Errorf("%s %s: %v", role, status, got)
			}
		}
	}
}

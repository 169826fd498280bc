//go:build !linux

package diag

import "testing"

// diskState is empty: smbd is tried on Linux only.
type diskState struct{}

func stateOnDisk(*testing.T, string) diskState { return diskState{} }

package lab

import (
	"flag"
	"time"
)

// stressTime makes the short tests of what many or hostile clients do long
// ones.
var stressTime = flag.Duration("lab.stress", time.Duration(0), "run TestStress with 200 clients for so long, as 30s, and the floods in full")

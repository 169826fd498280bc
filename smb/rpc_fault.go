package smb

import "fmt"

// RPCFault is the status of a fault PDU: the server did not carry out the call
// or could not finish it, [C706] 12.6.4.7. It is a DCE status such as
// nca_op_rng_error or, from Windows, a Win32 error code.
type RPCFault struct {
	Status uint32
}

// Error returns the status with its name, where it has one.
func (f *RPCFault) Error() string {
	name := rpcFaultNames[f.Status]
	if name == "" {
		name = Win32Name(f.Status)
	}
	if name == "" {
		return fmt.Sprintf("rpc fault 0x%08X", f.Status)
	}
	return fmt.Sprintf("rpc fault %s (0x%08X)", name, f.Status)
}

// parseFault returns the *RPCFault in the body of a fault PDU, or why there is
// none.
func parseFault(body []byte) error {
	var p rpcFaultPDU
	if _, err := parseRPC(body, &p); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	return &RPCFault{Status: p.status}
}

// The reject and fault status codes of [C706] appendix N.2, which [MS-RPCE]
// 3.1.1.5.5 refers to.
var rpcFaultNames = map[uint32]string{
	0x1C000001: "nca_s_fault_int_div_by_zero",
	0x1C000002: "nca_s_fault_addr_error",
	0x1C000003: "nca_s_fault_fp_div_zero",
	0x1C000004: "nca_s_fault_fp_underflow",
	0x1C000005: "nca_s_fault_fp_overflow",
	0x1C000006: "nca_s_fault_invalid_tag",
	0x1C000007: "nca_s_fault_invalid_bound",
	0x1C000008: "nca_rpc_version_mismatch",
	0x1C000009: "nca_unspec_reject",
	0x1C00000A: "nca_s_bad_actid",
	0x1C00000B: "nca_who_are_you_failed",
	0x1C00000C: "nca_manager_not_entered",
	0x1C00000D: "nca_s_fault_cancel",
	0x1C00000E: "nca_s_fault_ill_inst",
	0x1C00000F: "nca_s_fault_fp_error",
	0x1C000010: "nca_s_fault_int_overflow",
	0x1C000012: "nca_s_fault_unspec",
	0x1C000013: "nca_s_fault_remote_comm_failure",
	0x1C000014: "nca_s_fault_pipe_empty",
	0x1C000015: "nca_s_fault_pipe_closed",
	0x1C000016: "nca_s_fault_pipe_order",
	0x1C000017: "nca_s_fault_pipe_discipline",
	0x1C000018: "nca_s_fault_pipe_comm_error",
	0x1C000019: "nca_s_fault_pipe_memory",
	0x1C00001A: "nca_s_fault_context_mismatch",
	0x1C00001B: "nca_s_fault_remote_no_memory",
	0x1C00001C: "nca_invalid_pres_context_id",
	0x1C00001D: "nca_unsupported_authn_level",
	0x1C00001F: "nca_invalid_checksum",
	0x1C000020: "nca_invalid_crc",
	0x1C000021: "nca_s_fault_user_defined",
	0x1C000022: "nca_s_fault_tx_open_failed",
	0x1C000023: "nca_s_fault_codeset_conv_error",
	0x1C000024: "nca_s_fault_object_not_found",
	0x1C000025: "nca_s_fault_no_client_stub",
	0x1C010001: "nca_s_comm_failure",
	0x1C010002: "nca_op_rng_error",
	0x1C010003: "nca_unk_if",
	0x1C010006: "nca_wrong_boot_time",
	0x1C010009: "nca_s_you_crashed",
	0x1C01000B: "nca_proto_error",
	0x1C010013: "nca_out_args_too_big",
	0x1C010014: "nca_server_too_busy",
	0x1C010017: "nca_unsupported_type",
}

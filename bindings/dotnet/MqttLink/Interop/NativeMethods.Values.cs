using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions of what a client gives out: errors, properties, messages and answers. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_status_text(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_last_error();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_last_error_message();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_error_status(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_error_message(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStage mqttlink_error_stage(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_error_os_code(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_error_reason(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_error_reason_string(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_error_server_reference(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_error_properties(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_error_is_timeout(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_error_is_refused(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_error_is_disconnected(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_error_is_full(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_error_is_retryable(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_reason_text(int reason);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern PropertiesHandle mqttlink_properties_new();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_properties_free(IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern PropertiesHandle mqttlink_properties_copy(IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_set_number(
            PropertiesHandle properties, int id, uint number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_set_text(
            PropertiesHandle properties, int id, byte[] value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_properties_set_data(
            PropertiesHandle properties, int id, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_add_user(
            PropertiesHandle properties, byte[] name, byte[] value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_remove(PropertiesHandle properties, int id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_properties_count(IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_at(
            IntPtr properties, UIntPtr index, out NativeProperty property);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_properties_number(IntPtr properties, int id, out uint number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_properties_value(IntPtr properties, int id, out UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_properties_user(IntPtr properties, byte[] name);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_drained_count(DrainedHandle drained);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_drained_at(
            DrainedHandle drained, UIntPtr index, out NativeLeft message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_drained_free(IntPtr drained);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_granted_free(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_granted_version(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_granted_session_present(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_granted_client_id(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ushort mqttlink_granted_keep_alive(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint mqttlink_granted_session_expiry(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ushort mqttlink_granted_receive_maximum(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_granted_maximum_qos(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_granted_retain_available(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_granted_maximum_packet_size(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ushort mqttlink_granted_topic_alias_maximum(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_granted_wildcard_available(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_granted_subscription_id_available(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_granted_shared_available(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_granted_properties(IntPtr granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_results_count(IntPtr results);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_results_at(IntPtr results, UIntPtr index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_results_properties(IntPtr results);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_results_free(IntPtr results);

        // Nothing to marshal, so that it is called without a stub.
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_message_view(
            IntPtr message, NativeView* view, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_message_topic(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_message_payload(IntPtr message, out UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_message_qos(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_message_retain(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_message_dup(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_message_properties(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_message_payload_len(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_message_is_streamed(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_message_read(
            IntPtr message, byte* data, UIntPtr size, out UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_message_acknowledge(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_message_acknowledger(
            IntPtr message, out AcknowledgerHandle acknowledger);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_message_copy(IntPtr message, out MessageHandle copy);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_message_free(IntPtr message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_acknowledger_accept(AcknowledgerHandle acknowledger);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_acknowledger_reject(
            AcknowledgerHandle acknowledger, int reason);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_acknowledger_free(IntPtr acknowledger);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttDirection mqttlink_packet_direction(IntPtr packet);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_packet_bytes(IntPtr packet, out UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_packet_text(IntPtr packet);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_log_set(
            LogFunction callback, int level, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_topic_check_name(byte[] name);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_topic_check_filter(byte[] filter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_topic_matches(
            byte[] filter, byte[] name, [MarshalAs(UnmanagedType.U1)] out bool matches);
    }
}

using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions that set a broker up. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_new(out BrokerOptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_new_for_test(out BrokerOptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_broker_options_free(IntPtr options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_set_virtual_time(
            BrokerOptionsHandle options, [MarshalAs(UnmanagedType.U1)] bool wanted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_listen(
            BrokerOptionsHandle options, byte[] address, IntPtr tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_allow_version(
            BrokerOptionsHandle options, int version, [MarshalAs(UnmanagedType.U1)] bool allowed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_set_response_information(
            BrokerOptionsHandle options, byte[] information);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_set(
            BrokerOptionsHandle options, int setting, ulong number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_get(
            BrokerOptionsHandle options, int setting, out ulong number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_server_tls_new(
            byte[] certificatePath, byte[] keyPath, out ServerTlsHandle tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_server_tls_new_from_memory(
            byte* certificate, UIntPtr certificateLen, byte* key, UIntPtr keyLen, out ServerTlsHandle tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_server_tls_free(IntPtr tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_server_tls_add_client_authority_file(
            ServerTlsHandle tls, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_server_tls_add_client_authority(
            ServerTlsHandle tls, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_server_tls_require_client_certificate(
            ServerTlsHandle tls, [MarshalAs(UnmanagedType.U1)] bool required);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_server_tls_set_min_version(ServerTlsHandle tls, int version);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_on_authenticate(
            BrokerOptionsHandle options, AuthenticateFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_on_authorize(
            BrokerOptionsHandle options, AuthorizeFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_on_intercept(
            BrokerOptionsHandle options, InterceptFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_on_exchange(
            BrokerOptionsHandle options, ExchangeBeginFunction begin, ExchangeStepFunction step,
            FreeFunction freeExchange, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_on_event(
            BrokerOptionsHandle options, BrokerEventFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_options_allow_version_there(
            BrokerOptionsHandle options, int version, [MarshalAs(UnmanagedType.U1)] bool allowed);
    }
}

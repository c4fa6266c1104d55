using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions of the server that follows a script. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_script_start(out ScriptHandle script);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ushort mqttlink_script_port(ScriptHandle script);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_script_accept(
            ScriptHandle script, int version, long timeoutMs, out ScriptConnectionHandle connection);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_script_free(IntPtr script);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_script_connection_send(
            ScriptConnectionHandle connection, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_script_connection_expect(
            ScriptConnectionHandle connection, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_script_connection_expect_packet(
            ScriptConnectionHandle connection, out IntPtr line);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_script_connection_expect_end(ScriptConnectionHandle connection);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_script_connection_free(IntPtr connection);
    }
}

using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The structs of include/mqttlink.h. A test compares sizes and offsets with what a C compiler says.

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeProperty
    {
        internal int Id;
        internal uint Number;
        internal IntPtr Name;
        internal IntPtr Value;
        internal UIntPtr ValueLen;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeStatistics
    {
        internal ulong PacketsReceived;
        internal ulong BytesReceived;
        internal ulong MessagesReceived0;
        internal ulong MessagesReceived1;
        internal ulong MessagesReceived2;
        internal ulong MessagesSent0;
        internal ulong MessagesSent1;
        internal ulong MessagesSent2;
        internal ulong MessagesResent;
        internal ulong BytesSent;
        internal ulong Connects;
        internal ulong InFlight;
        internal ulong QueuedBytes;
        internal ulong WaitingMessages;
        internal ulong MissedPackets;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeLeft
    {
        internal IntPtr Topic;
        internal IntPtr Payload;
        internal UIntPtr PayloadLen;
        internal int Qos;
        internal byte Retain;
        internal byte Kept;
        internal IntPtr Properties;
    }
}

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
    internal struct NativeView
    {
        internal IntPtr Topic;
        internal UIntPtr TopicLen;
        internal IntPtr Payload;
        internal UIntPtr PayloadLen;
        internal UIntPtr TotalLen;
        internal int Qos;
        internal byte Retain;
        internal byte Dup;
        internal byte IsStreamed;
        internal byte HasProperties;

        /// <summary>A message at a glance; what it points at lives as long as the message.</summary>
        internal static unsafe NativeView Of(IntPtr message)
        {
            NativeView view;
            MqttException.Check(
                NativeMethods.mqttlink_message_view(message, &view, NativeMethods.Size(sizeof(NativeView))));
            return view;
        }
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

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeBrokerCounters
    {
        internal ulong UptimeMs;
        internal ulong ClientsConnected;
        internal ulong ClientsDisconnected;
        internal ulong ClientsMaximum;
        internal ulong ClientsExpired;
        internal ulong Connections;
        internal ulong ConnectionsTotal;
        internal ulong Subscriptions;
        internal ulong SharedSubscriptions;
        internal ulong RetainedMessages;
        internal ulong RetainedBytes;
        internal ulong QueuedMessages;
        internal ulong QueuedBytes;
        internal ulong PacketsReceived;
        internal ulong PacketsSent;
        internal ulong BytesReceived;
        internal ulong BytesSent;
        internal ulong PublishReceived;
        internal ulong PublishSent;
        internal ulong PublishBytesReceived;
        internal ulong PublishBytesSent;
        internal ulong DroppedQueueFull;
        internal ulong DroppedTotalFull;
        internal ulong DroppedTooLarge;
        internal ulong DroppedExpired;
        internal ulong DroppedRefused;
        internal ulong DroppedNotDelivered;
        internal ulong DroppedSessionEnded;
        internal ulong DroppedLocal;
        internal ulong DroppedRetainedFull;
        internal ulong DroppedSubscriptions;
        internal ulong DroppedConnections;
        internal ulong DroppedSessions;
        internal ulong DroppedEvents;
        internal ulong DroppedFaults;
        internal ulong DroppedSessionsEvicted;
        internal ulong RetainedUnsent;
        internal ulong HeldBytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeBrokerEvent
    {
        internal int Kind;
        internal int Cause;
        internal int Reason;
        internal int Qos;
        internal byte SessionPresent;
        internal IntPtr Peer;
        internal IntPtr ClientId;
        internal IntPtr Topic;
        internal IntPtr Text;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeRecorded
    {
        internal ulong AtUs;
        internal IntPtr ClientId;
        internal byte FromClient;
        internal int Version;
        internal IntPtr Bytes;
        internal UIntPtr Len;
        internal IntPtr Text;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeSession
    {
        internal IntPtr Peer;
        internal byte Connected;
        internal byte HasWill;
        internal uint ExpiryS;
        internal long EndsInMs;
        internal ulong Subscriptions;
        internal ulong QueuedMessages;
        internal ulong QueuedBytes;
        internal ulong InFlight;
        internal ulong RetainedUnsent;
    }
}

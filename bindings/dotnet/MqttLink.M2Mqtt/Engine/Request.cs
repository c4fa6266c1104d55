using System.Threading;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    internal enum RequestKind
    {
        Publish,
        Subscribe,
        Unsubscribe
    }

    /// <summary>Something that was asked of the server, and what came of it.</summary>
    internal sealed class Request
    {
        internal RequestKind Kind;
        internal ushort Id;

        // Of a message.
        internal string Topic;
        internal byte[] Payload;
        internal int Qos;
        internal bool Retain;
        internal MqttProperties Properties;

        // Of a subscription, or the end of one.
        internal string[] Filters;
        internal MqttQoSLevel[] Levels;

        // Nobody asked for it: subscriptions that are restored.
        internal bool IsSilent;

        // The identifier that the library knows it by, once it has been handed over.
        internal ulong NativeId;
        internal Timer Timer;

        // The outcome.
        internal bool IsDone;
        internal bool IsAnswered;
        internal int Reason;
        internal int[] Codes;
        internal string Text;
    }
}

using System;
using System.Collections.Generic;

namespace MqttLink
{
    /// <summary>The outcome of a message of <see cref="MqttClient.Post"/> or <c>PublishAsync</c>.</summary>
    public sealed class MqttPublishedEventArgs : EventArgs
    {
        internal MqttPublishedEventArgs(ulong id, MqttReason? reason, MqttException error)
        {
            Id = id;
            Reason = reason;
            Error = error;
        }

        /// <summary>What <see cref="MqttClient.Post"/> returned.</summary>
        public ulong Id { get; }

        /// <summary>What the server said; null if it said nothing, because the message never got there.</summary>
        public MqttReason? Reason { get; }

        /// <summary>
        /// Null if the server has the message, at QoS 0 if it is in the socket; otherwise why not.
        /// </summary>
        public MqttException Error { get; }
    }

    /// <summary>The server's answer to a subscription, or to the end of one.</summary>
    public sealed class MqttAnsweredEventArgs : EventArgs
    {
        internal MqttAnsweredEventArgs(ulong id, MqttResults results, MqttException error)
        {
            Id = id;
            Results = results;
            Error = error;
        }

        /// <summary>What the request returned.</summary>
        public ulong Id { get; }

        /// <summary>One result for each filter; null if no answer came.</summary>
        public MqttResults Results { get; }

        /// <summary>Why no answer came; null if one did.</summary>
        public MqttException Error { get; }
    }

    /// <summary>The server has accepted a connection.</summary>
    public sealed class MqttConnectionOpenedEventArgs : EventArgs
    {
        internal MqttConnectionOpenedEventArgs(MqttConnection connection)
        {
            Connection = connection;
        }

        /// <summary>Everything that CONNACK carried.</summary>
        public MqttConnection Connection { get; }
    }

    /// <summary>A connection is gone, or none came about.</summary>
    public sealed class MqttConnectionClosedEventArgs : EventArgs
    {
        internal MqttConnectionClosedEventArgs(MqttException error, bool willReconnect)
        {
            Error = error;
            WillReconnect = willReconnect;
        }

        /// <summary>Why; null if this side ended it.</summary>
        public MqttException Error { get; }

        /// <summary>Whether the client connects again by itself: see <see cref="MqttReconnectPolicy"/>.</summary>
        public bool WillReconnect { get; }
    }

    /// <summary>A packet that went over the wire.</summary>
    public sealed class MqttPacketEventArgs : EventArgs
    {
        internal MqttPacketEventArgs(MqttDirection direction, byte[] bytes, string text)
        {
            Direction = direction;
            Bytes = bytes;
            Text = text;
        }

        /// <summary>Which way it went.</summary>
        public MqttDirection Direction { get; }

        /// <summary>Its bytes, fixed header included. They may hold a password.</summary>
        public byte[] Bytes { get; }

        /// <summary>The packet in one line, without payload, password and authentication data.</summary>
        public string Text { get; }
    }

    /// <summary>A handler of the program has thrown.</summary>
    public sealed class MqttHandlerErrorEventArgs : EventArgs
    {
        internal MqttHandlerErrorEventArgs(Exception exception)
        {
            Exception = exception;
        }

        /// <summary>What it has thrown.</summary>
        public Exception Exception { get; }
    }

    /// <summary>A line of the log.</summary>
    public sealed class MqttLogEventArgs : EventArgs
    {
        internal MqttLogEventArgs(MqttLogLevel level, string text)
        {
            Level = level;
            Text = text;
        }

        /// <summary>How much it matters.</summary>
        public MqttLogLevel Level { get; }

        /// <summary>The line. Payloads, passwords and authentication data are never in it.</summary>
        public string Text { get; }
    }
}

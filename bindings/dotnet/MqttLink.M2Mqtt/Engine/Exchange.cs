using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using MqttLink.Interop;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>The client's side of authentication exchanges: hands the server's steps to the program as events
    /// and waits for its answers. Its functions run on the thread that connects or re-authenticates.</summary>
    internal sealed class Exchange
    {
        private static readonly AuthStartFunction StartCallback = OnStart;
        private static readonly AuthRespondFunction RespondCallback = OnRespond;
        private static readonly AuthFinishFunction FinishCallback = OnFinish;
        private static readonly FreeFunction FreeCallback = user => GCHandle.FromIntPtr(user).Free();

        private readonly object gate = new object();
        private readonly string method;
        private readonly int timeout;
        private readonly Func<MqttMsgAuthentication, bool> post;
        private byte[] initial;
        private MqttMsgAuthentication answer;
        private bool asks;
        private bool renews;
        private bool cancelled;

        /// <param name="method">The method's name.</param>
        /// <param name="initial">The data of CONNECT.</param>
        /// <param name="timeout">How long the program may take for an answer, in milliseconds.</param>
        /// <param name="post">Makes an event; false if nobody would answer.</param>
        internal Exchange(string method, byte[] initial, int timeout, Func<MqttMsgAuthentication, bool> post)
        {
            this.method = method;
            this.initial = initial;
            this.timeout = timeout;
            this.post = post;
        }

        internal string Method
        {
            get { return method; }
        }

        internal void Apply(OptionsHandle options)
        {
            IntPtr user = GCHandle.ToIntPtr(GCHandle.Alloc(this));
            MqttException.Check(NativeMethods.mqttlink_options_set_authenticator(options,
                Text.Required(method, "AuthenticationMethod"), StartCallback, RespondCallback, FinishCallback, user,
                FreeCallback));
        }

        /// <summary>The next exchange is a re-authentication, which begins with this.</summary>
        internal void Renew(byte[] data)
        {
            lock (gate)
            {
                renews = true;
                initial = data;
            }
        }

        /// <summary>The program's answer. False if nothing was asked.</summary>
        internal bool Answer(MqttMsgAuthentication message)
        {
            lock (gate)
            {
                if (!asks || answer != null)
                {
                    return false;
                }

                answer = message;
                Monitor.PulseAll(gate);
                return true;
            }
        }

        /// <summary>Nobody will answer any more.</summary>
        internal void Cancel()
        {
            lock (gate)
            {
                cancelled = true;
                Monitor.PulseAll(gate);
            }
        }

        private static int OnStart(IntPtr user, IntPtr reply)
        {
            try
            {
                Exchange exchange = (Exchange)GCHandle.FromIntPtr(user).Target;
                lock (exchange.gate)
                {
                    Set(reply, exchange.initial);
                }

                return 0;
            }
            catch (Exception)
            {
                return 1;
            }
        }

        private static int OnRespond(IntPtr user, IntPtr challenge, UIntPtr length, IntPtr reply)
        {
            try
            {
                Exchange exchange = (Exchange)GCHandle.FromIntPtr(user).Target;
                MqttMsgAuthentication step = exchange.Step(
                    MqttReasonCode.ContinueAuthentication, Text.Bytes(challenge, length));
                MqttMsgAuthentication answer = exchange.Ask(step);
                if (answer == null)
                {
                    return 1;
                }

                Set(reply, answer.AuthenticationData);
                return 0;
            }
            catch (Exception)
            {
                return 2;
            }
        }

        private static int OnFinish(IntPtr user, IntPtr data, UIntPtr length)
        {
            try
            {
                Exchange exchange = (Exchange)GCHandle.FromIntPtr(user).Target;
                if (exchange.renews)
                {
                    exchange.post(exchange.Step(MqttReasonCode.Success, Text.Bytes(data, length)));
                }

                return 0;
            }
            catch (Exception)
            {
                return 2;
            }
        }

        private static unsafe void Set(IntPtr reply, byte[] data)
        {
            if (data != null)
            {
                fixed (byte* bytes = data)
                {
                    NativeMethods.mqttlink_reply_set(reply, bytes, NativeMethods.Size(data.Length));
                }
            }
        }

        private MqttMsgAuthentication Step(MqttReasonCode code, byte[] data)
        {
            return new MqttMsgAuthentication
            {
                ReasonCode = code,
                AuthenticationMethod = method,
                AuthenticationData = data
            };
        }

        /// <summary>Null if there is no answer.</summary>
        private MqttMsgAuthentication Ask(MqttMsgAuthentication step)
        {
            lock (gate)
            {
                asks = true;
                answer = null;
            }

            bool posted = post(step);
            lock (gate)
            {
                Stopwatch clock = Stopwatch.StartNew();
                while (posted && answer == null && !cancelled && clock.ElapsedMilliseconds < timeout)
                {
                    Monitor.Wait(gate, (int)Math.Max(1, timeout - clock.ElapsedMilliseconds));
                }

                asks = false;
                return answer;
            }
        }
    }
}
